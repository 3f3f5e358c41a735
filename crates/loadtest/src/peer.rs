//! Somebody in a room: a seat, a media connection, a microphone, and ears.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use hubbub_protocol::MediaState;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp;
use rtc::rtp::extension::HeaderExtension;
use rtc::rtp::extension::audio_level_extension::AudioLevelExtension;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use tokio::sync::watch;
use uuid::Uuid;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder, configure_rtcp_reports,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};

use crate::error::LoadTestError;
use crate::payload::Payload;
use crate::reception::Reception;
use crate::session::Session;
use crate::signaling::{Seat, Signaling, within};

/// The payload type offered for Opus.
const OPUS: u8 = 111;
/// RTP clock ticks of one packet: 20 ms at 48 kHz.
const PACKET_TICKS: u32 = 960;
/// The loudness of a synthetic speaker, in -dBov (RFC 6464): a voice close to the microphone.
const SPEECH_LEVEL: u8 = 25;
/// How long ICE and DTLS may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

/// A peer whose media connection is up.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    signaling: Signaling,
    seat: Seat,
    microphone: Microphone,
    reception: Arc<Reception>,
    started: Instant,
    join_time: Duration,
}

struct Microphone {
    track: TrackLocalStaticRTP,
    ssrc: u32,
    first_sequence: u16,
    first_timestamp: u32,
    sent: AtomicU32,
}

impl Peer {
    /// Opens a socket, takes a seat and connects the media, until both the library and the server say that it is up.
    ///
    /// # Errors
    /// Whatever went wrong first.
    pub async fn join(session: &Session, room: Uuid, muted: bool) -> Result<Self, LoadTestError> {
        let started = Instant::now();
        let signaling = Signaling::connect(session).await?;
        let seat = signaling.join(room, muted).await?;

        let reception = Arc::new(Reception::default());
        let (state_sender, mut state) = watch::channel(RTCPeerConnectionState::New);
        let ears = Arc::new(Ears { reception: reception.clone(), state: state_sender });
        let address = SocketAddr::new(session.target().local_address().await?, 0);
        let connection = build(ears, address).await?;
        let microphone = Microphone::new();
        let send = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            streams: vec![],
            send_encodings: vec![],
        };
        let track: Arc<dyn TrackLocal> = Arc::new(microphone.track.clone());
        connection.add_transceiver_from_track(track, Some(send)).await?;
        for _ in 0..seat.slots {
            let receive = RTCRtpTransceiverInit {
                direction: RTCRtpTransceiverDirection::Recvonly,
                streams: vec![],
                send_encodings: vec![],
            };
            connection.add_transceiver_from_kind(RtpCodecKind::Audio, Some(receive)).await?;
        }

        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer.clone()).await?;
        let answer = signaling.offer(offer.sdp).await?;
        connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;

        let mut view = signaling.view();
        let server_says_so = view.wait_for(|view| view.media == Some(MediaState::Connected) || view.closed.is_some());
        let view = within(CONNECT_TIMEOUT, "the server's media-state connected", server_says_so).await?;
        if let Some(reason) = view.ok().and_then(|view| view.closed.clone()) {
            return Err(LoadTestError::Closed(reason));
        }
        let library_says_so = state.wait_for(|state| *state == RTCPeerConnectionState::Connected);
        within(CONNECT_TIMEOUT, "connecting the media", library_says_so)
            .await?
            .map_err(|_| LoadTestError::Closed("the media connection ended".to_owned()))?;
        let join_time = started.elapsed();
        Ok(Self { connection, signaling, seat, microphone, reception, started, join_time })
    }

    /// The seat in the room.
    #[must_use]
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// The socket.
    #[must_use]
    pub fn signaling(&self) -> &Signaling {
        &self.signaling
    }

    /// What was heard.
    #[must_use]
    pub fn reception(&self) -> &Reception {
        &self.reception
    }

    /// From opening the socket to a media connection that is up.
    #[must_use]
    pub fn join_time(&self) -> Duration {
        self.join_time
    }

    /// From opening the socket to the first packet heard.
    #[must_use]
    pub fn time_to_first_packet(&self) -> Option<Duration> {
        Some(self.reception.first_at()?.duration_since(self.started))
    }

    /// Packets spoken so far.
    #[must_use]
    pub fn sent(&self) -> u32 {
        self.microphone.sent.load(Ordering::Relaxed)
    }

    /// Speaks one packet of 20 ms as `stream`, at speaking level.
    ///
    /// # Errors
    /// [`LoadTestError::Media`] when the connection is gone.
    pub async fn speak(&self, stream: u32) -> Result<(), LoadTestError> {
        let microphone = &self.microphone;
        let number = microphone.sent.fetch_add(1, Ordering::Relaxed);
        let packet = rtp::Packet {
            header: rtp::Header {
                version: 2,
                marker: number == 0,
                payload_type: OPUS,
                #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap (RFC 3550)")]
                sequence_number: microphone.first_sequence.wrapping_add(number as u16),
                timestamp: microphone.first_timestamp.wrapping_add(number.wrapping_mul(PACKET_TICKS)),
                ssrc: microphone.ssrc,
                ..Default::default()
            },
            payload: Bytes::copy_from_slice(&Payload::now(stream, number).encode()),
        };
        let level = HeaderExtension::AudioLevel(AudioLevelExtension { level: SPEECH_LEVEL, voice: true });
        microphone.track.write_rtp_with_extensions(packet, &[level]).await?;
        Ok(())
    }

    /// Leaves the room and closes everything.
    ///
    /// # Errors
    /// [`LoadTestError::Closed`] when the server was gone already.
    pub async fn leave(self) -> Result<(), LoadTestError> {
        let left = self.signaling.leave().await;
        self.connection.close().await?;
        left
    }
}

impl Microphone {
    fn new() -> Self {
        let ssrc = rand::random();
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
            codec: opus(),
            ..Default::default()
        };
        let id = format!("microphone-{ssrc}");
        let track = MediaStreamTrack::new(id.clone(), id.clone(), id, RtpCodecKind::Audio, vec![encoding]);
        Self {
            track: TrackLocalStaticRTP::new(track),
            ssrc,
            first_sequence: rand::random(),
            first_timestamp: rand::random(),
            sent: AtomicU32::new(0),
        }
    }
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: vec![],
    }
}

async fn build(ears: Arc<Ears>, address: SocketAddr) -> Result<Arc<dyn PeerConnection>, LoadTestError> {
    let mut media = MediaEngine::default();
    let opus = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS };
    media.register_codec(opus, RtpCodecKind::Audio)?;
    let uri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level".to_owned();
    media.register_header_extension(RTCRtpHeaderExtensionCapability { uri }, RtpCodecKind::Audio, None)?;
    let settings = SettingEngineBuilder::new().with_include_loopback_candidate(address.ip().is_loopback()).build();
    let connection = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(configure_rtcp_reports(Registry::new()))
        .with_handler(ears)
        .with_udp_addrs(vec![address])
        .build()
        .await?;
    Ok(Arc::new(connection))
}

/// Hears what comes, and hears of the connection's state.
struct Ears {
    reception: Arc<Reception>,
    state: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait]
impl PeerConnectionEventHandler for Ears {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let reception = self.reception.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    reception.note(&packet.payload, Instant::now());
                }
            }
        });
    }
}
