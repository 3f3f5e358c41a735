//! Reports (RFC 3550, section 6) and requests for lost packets (RFC 4585, section 6.2.1): what a peer tells the server, and what it
//! reads of the server's.

use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};

use super::ears::Ears;
use super::stream::Stream;

/// The most report blocks one packet holds.
const BLOCKS_MAX: usize = 31;
/// Seconds from 1900 (NTP) to 1970 (Unix).
const NTP_OFFSET: u64 = 2_208_988_800;

/// What a sender tells of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ssrc: u32,
    pub(super) timestamp: u32,
    pub(super) packets: u32,
    pub(super) octets: u32,
}

/// A compound: a sender report when something was sent, else a receiver report, and the CNAME.
pub(super) fn compound(own_ssrc: u32, sent: Option<Sent>, ears: &mut Ears, wall_micros: u64) -> Option<Vec<u8>> {
    let reports: Vec<ReceptionReport> =
        ears.streams_mut().iter_mut().take(BLOCKS_MAX).map(|stream| block(stream, wall_micros)).collect();
    let first: Box<dyn Packet> = match sent {
        Some(sent) => Box::new(SenderReport {
            ssrc: sent.ssrc,
            ntp_time: ntp(wall_micros),
            rtp_time: sent.timestamp,
            packet_count: sent.packets,
            octet_count: sent.octets,
            reports,
            ..SenderReport::default()
        }),
        None => Box::new(ReceiverReport { ssrc: own_ssrc, reports, ..ReceiverReport::default() }),
    };
    marshal(&[first, name(own_ssrc)]).ok().map(|bytes| bytes.to_vec())
}

/// A compound that asks for packets of the source `ssrc` again.
pub(super) fn request(own_ssrc: u32, ssrc: u32, wanted: &[u16]) -> Option<Vec<u8>> {
    let first: Box<dyn Packet> = Box::new(ReceiverReport { ssrc: own_ssrc, ..ReceiverReport::default() });
    let nacks = nack_pairs_from_sequence_numbers(wanted);
    let nack: Box<dyn Packet> = Box::new(TransportLayerNack { sender_ssrc: own_ssrc, media_ssrc: ssrc, nacks });
    marshal(&[first, name(own_ssrc), nack]).ok().map(|bytes| bytes.to_vec())
}

fn name(own_ssrc: u32) -> Box<dyn Packet> {
    let name = SourceDescriptionItem { sdes_type: SdesType::SdesCname, text: "loadtest".into() };
    let chunk = SourceDescriptionChunk { source: own_ssrc, items: vec![name] };
    Box::new(SourceDescription { chunks: vec![chunk] })
}

/// Takes note of the sender reports in a decrypted compound; the sequence numbers of `own_ssrc` that are asked for in it.
/// What else is in it does not matter here.
pub(super) fn read(mut compound: &[u8], own_ssrc: u32, ears: &mut Ears, wall_micros: u64) -> Vec<u16> {
    let mut wanted = Vec::new();
    for packet in unmarshal(&mut compound).unwrap_or_default() {
        if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>()
            && nack.media_ssrc == own_ssrc
        {
            wanted.extend(nack.nacks.iter().flat_map(|pair| *pair));
        }
        if let Some(report) = packet.as_any().downcast_ref::<SenderReport>()
            && let Some(stream) = ears.stream_mut(report.ssrc)
        {
            stream.sender_report = Some((middle(report.ntp_time), wall_micros));
        }
    }
    wanted
}

fn block(stream: &mut Stream, wall_micros: u64) -> ReceptionReport {
    // What came inside of another packet was lost all the same.
    let (expected, received) = (stream.expected(), stream.received.saturating_sub(stream.repaired_by_red));
    let (expected_before, received_before) = std::mem::replace(&mut stream.reported, (expected, received));
    let expected_since = expected.saturating_sub(expected_before);
    let lost_since = expected_since.saturating_sub(received.saturating_sub(received_before));
    let fraction = (lost_since * 256).checked_div(expected_since).unwrap_or(0).min(255);
    let delay = stream.sender_report.map_or(0, |(_, came)| wall_micros.saturating_sub(came) * 65536 / 1_000_000);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "fields that wrap or are clamped")]
    ReceptionReport {
        ssrc: stream.ssrc,
        fraction_lost: fraction as u8,
        total_lost: expected.saturating_sub(received).min(0x7F_FFFF) as u32,
        last_sequence_number: stream.highest as u32,
        jitter: stream.jitter as u32,
        last_sender_report: stream.sender_report.map_or(0, |(ntp, _)| ntp),
        delay: delay.min(u64::from(u32::MAX)) as u32,
    }
}

/// 64 bits of NTP time: seconds since 1900, and their fraction (RFC 3550, section 4).
const fn ntp(wall_micros: u64) -> u64 {
    let (seconds, micros) = (wall_micros / 1_000_000, wall_micros % 1_000_000);
    ((seconds + NTP_OFFSET) << 32) | ((micros << 32) / 1_000_000)
}

/// The middle 32 of them.
const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::engine::ears::Header;

    fn hear(ears: &mut Ears, sequences: &[u16]) {
        for &sequence in sequences {
            let header = Header { payload_type: 111, sequence, timestamp: 0, ssrc: 9 };
            ears.note(Instant::now(), header, b"opus", 0);
        }
    }

    fn only_block(ears: &mut Ears, wall_micros: u64) -> ReceptionReport {
        let bytes = compound(1, None, ears, wall_micros).unwrap();
        let packets = unmarshal(&mut &bytes[..]).unwrap();
        assert_eq!(packets.len(), 2, "the report and the name");
        packets[0].as_any().downcast_ref::<ReceiverReport>().unwrap().reports[0].clone()
    }

    #[test]
    fn loss_is_told_of_the_time_since_the_last_report_and_in_all() {
        let mut ears = Ears::default();
        hear(&mut ears, &[1, 2, 3, 5]);
        let block = only_block(&mut ears, 0);
        assert_eq!((block.fraction_lost, block.total_lost), (51, 1), "one of five, in 256ths");
        assert_eq!(block.last_sequence_number & 0xFFFF, 5);
        hear(&mut ears, &[6, 7]);
        let block = only_block(&mut ears, 0);
        assert_eq!((block.fraction_lost, block.total_lost), (0, 1));
    }

    #[test]
    fn what_came_inside_of_another_packet_was_lost_all_the_same() {
        let mut ears = Ears::default();
        hear(&mut ears, &[1, 2, 3, 4]);
        ears.streams_mut()[0].repaired_by_red = 1;
        let block = only_block(&mut ears, 0);
        assert_eq!((block.fraction_lost, block.total_lost), (64, 1), "one of four, in 256ths");
    }

    #[test]
    fn round_trips_can_be_measured_with_it() {
        let mut ears = Ears::default();
        hear(&mut ears, &[1]);
        let report = SenderReport { ssrc: 9, ntp_time: 0x1111_2222_3333_4444, ..SenderReport::default() };
        let packets: [Box<dyn Packet>; 1] = [Box::new(report)];
        assert!(read(&marshal(&packets).unwrap(), 1, &mut ears, 1_000_000).is_empty());
        let block = only_block(&mut ears, 1_500_000);
        assert_eq!((block.last_sender_report, block.delay), (0x2222_3333, 32768));
        assert!(read(b"no RTCP", 1, &mut ears, 0).is_empty());
    }

    #[test]
    fn requests_are_read_by_whom_they_are_meant_for() {
        let wanted = [65_534, 65_535, 0, 40];
        let bytes = request(1, 9, &wanted).unwrap();
        assert_eq!(bytes[1], 201, "a compound begins with a report");
        assert_eq!(read(&bytes, 9, &mut Ears::default(), 0), wanted);
        assert!(read(&bytes, 1, &mut Ears::default(), 0).is_empty());
    }

    #[test]
    fn a_speaker_sends_a_sender_report() {
        let sent = Sent { ssrc: 5, timestamp: 960, packets: 2, octets: 160 };
        let bytes = compound(5, Some(sent), &mut Ears::default(), 1_500_000).unwrap();
        let packets = unmarshal(&mut &bytes[..]).unwrap();
        let report = packets[0].as_any().downcast_ref::<SenderReport>().unwrap();
        assert_eq!((report.ssrc, report.rtp_time, report.packet_count, report.octet_count), (5, 960, 2, 160));
        assert_eq!(report.ntp_time, ((NTP_OFFSET + 1) << 32) | (1 << 31));
    }
}
