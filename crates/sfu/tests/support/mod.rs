//! A `webrtc` PeerConnection as a client of a running media plane, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use hubbub_sfu::{CallId, Command, Event, Grants, Offer, PeerId, Sfu};
use rtc::ice::network_type::NetworkType;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::broadcast;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use webrtc::media_stream::MediaStreamTrack;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit,
    RTCPeerConnectionState, RTCSessionDescription, Registry, SettingEngineBuilder,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use webrtc::runtime::default_runtime;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a client reaches the media plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    Udp,
    Udp6,
    Tcp,
    /// Only TCP, and that only to this port.
    TcpTo(u16),
}

impl Network {
    fn is_tcp(self) -> bool {
        matches!(self, Self::Tcp | Self::TcpTo(_))
    }
}

/// Passes on what the media plane reports to everybody who listens.
pub(crate) fn spread(mut events: UnboundedReceiver<Event>) -> broadcast::Sender<Event> {
    let (sender, _) = broadcast::channel(4096);
    let all = sender.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let _ = all.send(event);
        }
    });
    sender
}

/// Waits for an event.
pub(crate) async fn wait_for<T>(events: &mut broadcast::Receiver<Event>, pick: impl Fn(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = pick(&events.recv().await.expect("the media plane runs")) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("an event in time")
}

/// A client with a microphone and some slots.
pub(crate) struct Client {
    pub(crate) id: PeerId,
    connection: Arc<dyn PeerConnection>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    /// Every RTP packet received.
    pub(crate) heard: UnboundedReceiver<rtc::rtp::Packet>,
    connected: UnboundedReceiver<()>,
    pub(crate) answer: String,
}

struct Handler {
    heard: UnboundedSender<rtc::rtp::Packet>,
    connected: UnboundedSender<()>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        if state == RTCPeerConnectionState::Connected {
            let _ = self.connected.send(());
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = heard.send(packet);
                }
            }
        });
    }
}

fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: "audio/opus".to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

impl Client {
    /// Joins a call and waits until audio can flow.
    pub(crate) async fn join(
        sfu: &Sfu,
        events: &broadcast::Sender<Event>,
        call: u128,
        id: u128,
        network: Network,
    ) -> Self {
        let id = PeerId(id);
        let mut news = events.subscribe();
        let grants = Grants { speak: true, hear: true, hear_own: false };
        sfu.send(Command::AddPeer { call: CallId(call), peer: id, grants, max_speakers: 8 });
        let mut client = Self::new(id, network, 3).await;
        let offer = client.connection.create_offer(None).await.expect("an offer");
        client.connection.set_local_description(offer).await.expect("it is accepted");
        let offer = client.connection.local_description().await.expect("a description");
        sfu.send(Command::Offer { peer: id, request: 1, offer: Offer::parse(&offer.sdp) });
        client.answer = wait_for(&mut news, |event| match event {
            Event::Answer { peer, sdp, .. } if *peer == id => Some(sdp.clone()),
            Event::OfferRejected { peer, error, .. } if *peer == id => panic!("refused: {error}"),
            _ => None,
        })
        .await;
        let answer = RTCSessionDescription::answer(client.answer.clone()).expect("an answer");
        client.connection.set_remote_description(answer).await.expect("it is accepted");
        match network {
            Network::Udp | Network::Udp6 => {}
            Network::Tcp => client.connect_tcp(sfu.local_ports()[0]).await,
            Network::TcpTo(port) => client.connect_tcp(port).await,
        }
        tokio::time::timeout(PATIENCE, client.connected.recv()).await.expect("connected in time");
        wait_for(&mut news, |event| matches!(event, Event::Connected { peer, .. } if *peer == id).then_some(())).await;
        client
    }

    async fn new(id: PeerId, network: Network, slots: usize) -> Self {
        let mut media = MediaEngine::default();
        let codec = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: 111 };
        media.register_codec(codec, RtpCodecKind::Audio).expect("Opus");
        let (heard_by, heard) = unbounded_channel();
        let (connected_by, connected) = unbounded_channel();
        let builder = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(Registry::new())
            .with_handler(Arc::new(Handler { heard: heard_by, connected: connected_by }))
            .with_runtime(default_runtime().expect("tokio"));
        let local = vec![if network == Network::Udp6 { "[::1]:0" } else { "127.0.0.1:0" }.to_owned()];
        let connection: Arc<dyn PeerConnection> = if network.is_tcp() {
            let settings = SettingEngineBuilder::new().with_network_types(vec![NetworkType::Tcp4]).build();
            let builder = builder.with_setting_engine(settings).with_tcp_addrs(local);
            Arc::new(builder.with_udp_addrs(Vec::new()).build().await.expect("a connection"))
        } else {
            Arc::new(builder.with_udp_addrs(local).build().await.expect("a connection"))
        };
        let ssrc = rand::random();
        let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
        let encoding = RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec: opus(), ..Default::default() };
        let names = ["stream", "microphone", "microphone"].map(str::to_owned);
        let [stream, track, label] = names;
        let track = MediaStreamTrack::new(stream, track, label, RtpCodecKind::Audio, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let only = |direction| Some(RTCRtpTransceiverInit { direction, ..Default::default() });
        connection
            .add_transceiver_from_track(
                Arc::clone(&track) as Arc<dyn TrackLocal>,
                only(RTCRtpTransceiverDirection::Sendonly),
            )
            .await
            .expect("a microphone");
        for _ in 0..slots {
            connection
                .add_transceiver_from_kind(RtpCodecKind::Audio, only(RTCRtpTransceiverDirection::Recvonly))
                .await
                .expect("a slot");
        }
        Self { id, connection, track, ssrc, heard, connected, answer: String::new() }
    }

    /// This client opens TCP connections only to candidates it is told of one by one, not to those in the answer.
    async fn connect_tcp(&self, port: u16) {
        let wanted = |line: &&str| line.contains(" tcp ") && line.contains(&format!(" 127.0.0.1 {port} typ host"));
        let candidate = self.answer.lines().find(wanted).expect("a TCP candidate");
        let candidate = candidate.trim_start_matches("a=").to_owned();
        let candidate = RTCIceCandidateInit { candidate, sdp_mline_index: Some(0), ..Default::default() };
        self.connection.add_ice_candidate(candidate).await.expect("it is accepted");
    }

    /// Offers once more what it has offered, and waits for the answer.
    pub(crate) async fn offer_again(&self, sfu: &Sfu, events: &broadcast::Sender<Event>) {
        let mut news = events.subscribe();
        let offer = self.connection.local_description().await.expect("a description");
        sfu.send(Command::Offer { peer: self.id, request: 2, offer: Offer::parse(&offer.sdp) });
        wait_for(&mut news, |event| match event {
            Event::Answer { peer, request: 2, .. } if *peer == self.id => Some(()),
            Event::OfferRejected { peer, error, .. } if *peer == self.id => panic!("refused: {error}"),
            _ => None,
        })
        .await;
    }

    /// Sends one packet of 20 ms of Opus.
    pub(crate) async fn speak(&self, number: u16) {
        let header = rtc::rtp::Header {
            version: 2,
            payload_type: 111,
            sequence_number: number,
            timestamp: u32::from(number) * 960,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let [high, low] = number.to_be_bytes();
        let payload = vec![self.id.0.to_be_bytes()[15], high, low, 0xAB].into();
        self.track.write_rtp(rtc::rtp::Packet { header, payload }).await.expect("written");
    }

    /// The numbers of the next `count` packets heard from a speaker.
    pub(crate) async fn hear(&mut self, speaker: PeerId, count: usize) -> Vec<u16> {
        let mut numbers = Vec::new();
        let listen = async {
            while numbers.len() < count {
                let packet = self.heard.recv().await.expect("a packet");
                if u128::from(packet.payload[0]) == speaker.0 {
                    numbers.push(u16::from_be_bytes([packet.payload[1], packet.payload[2]]));
                }
            }
        };
        let complete = tokio::time::timeout(PATIENCE, listen).await.is_ok();
        assert!(complete, "{} of {count} packets in time: {numbers:?}", numbers.len());
        numbers
    }

    /// Leaves without a word to anybody.
    pub(crate) async fn close(&self) {
        let _ = self.connection.close().await;
    }
}
