//! RTCP (RFC 3550, section 6): what we read of it, and the compounds we send.

use rtc_rtcp::packet::{Packet, marshal, unmarshal};
use rtc_rtcp::receiver_report::ReceiverReport;
use rtc_rtcp::reception_report::ReceptionReport;
use rtc_rtcp::sender_report::SenderReport;
use rtc_rtcp::source_description::{SdesType, SourceDescription, SourceDescriptionChunk, SourceDescriptionItem};
use rtc_rtcp::transport_feedbacks::transport_layer_nack::{
    NackPair, TransportLayerNack, nack_pairs_from_sequence_numbers,
};

use super::stats::Reception;

/// Packets of one compound that are looked at. Browsers send up to five; the rest of a longer one is ignored.
const MAX_PACKETS: usize = 32;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
/// Transport layer feedback (RFC 4585, section 6.2), and the format of generic NACK in it.
const TRANSPORT_FEEDBACK: u8 = 205;
const NACK: u8 = 1;
/// The most report blocks one packet holds.
const MAX_BLOCKS: usize = 31;

/// What a peer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// A publisher's clock mapping.
    Sender { ssrc: u32, ntp: u64 },
    /// How one of our slots is received.
    Reception { ssrc: u32, block: Reception },
    /// Packets of one of our slots that did not arrive: up to 17 sequence numbers.
    Nack { ssrc: u32, numbers: NackPair },
}

/// Reads a decrypted compound. Packets other than SR, RR and generic NACK, other feedback and BYE among them, are passed over.
///
/// `None` when it is no RTCP: versions and lengths that do not add up, or a report that is shorter than it says.
pub(crate) fn read(mut compound: &[u8]) -> Option<Vec<Report>> {
    let mut reports = Vec::new();
    for _ in 0..MAX_PACKETS {
        if compound.is_empty() {
            break;
        }
        let head: &[u8; 4] = compound.first_chunk()?;
        let len = 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (mut packet, rest) = compound.split_at_checked(len)?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let nack = head[1] == TRANSPORT_FEEDBACK && head[0] & 0x1f == NACK;
        if nack || matches!(head[1], SENDER_REPORT | RECEIVER_REPORT) {
            for read in unmarshal(&mut packet).ok()? {
                collect(read.as_ref(), &mut reports);
            }
        }
        compound = rest;
    }
    Some(reports)
}

fn collect(packet: &dyn Packet, reports: &mut Vec<Report>) {
    let blocks = if let Some(sr) = packet.as_any().downcast_ref::<SenderReport>() {
        reports.push(Report::Sender { ssrc: sr.ssrc, ntp: sr.ntp_time });
        &sr.reports
    } else if let Some(rr) = packet.as_any().downcast_ref::<ReceiverReport>() {
        &rr.reports
    } else if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
        reports.extend(nack.nacks.iter().map(|numbers| Report::Nack { ssrc: nack.media_ssrc, numbers: *numbers }));
        return;
    } else {
        return;
    };
    reports.extend(blocks.iter().map(|block| Report::Reception {
        ssrc: block.ssrc,
        block: Reception {
            fraction_lost: block.fraction_lost,
            total_lost: lost(block.total_lost),
            highest_sequence: block.last_sequence_number,
            jitter: block.jitter,
            last_sender_report: block.last_sender_report,
            delay: block.delay,
        },
    }));
}

/// The packets lost, a signed number of 24 bits: less than none are lost when some came twice.
const fn lost(field: u32) -> u32 {
    if field & 0x80_0000 == 0 { field & 0x7f_ffff } else { 0 }
}

/// What a sender report says of one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) ssrc: u32,
    pub(crate) ntp: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// Builds one compound: a sender report a slot and the reception of the peer's own streams, then the CNAME of every
/// source in it (RFC 3550, section 6.1). With nothing sent yet it begins with a receiver report of `own_ssrc`.
pub(crate) fn compound(own_ssrc: u32, cname: &str, sent: &[Sent], received: &[(u32, Reception)]) -> Option<Vec<u8>> {
    let mut blocks: Vec<ReceptionReport> = received.iter().take(MAX_BLOCKS).map(block).collect();
    let mut packets: Vec<Box<dyn Packet>> = Vec::with_capacity(sent.len() + 2);
    for slot in sent {
        packets.push(Box::new(SenderReport {
            ssrc: slot.ssrc,
            ntp_time: slot.ntp,
            rtp_time: slot.timestamp,
            packet_count: slot.packets,
            octet_count: slot.octets,
            reports: std::mem::take(&mut blocks),
            ..SenderReport::default()
        }));
    }
    if packets.is_empty() {
        packets.push(Box::new(ReceiverReport { ssrc: own_ssrc, reports: blocks, ..ReceiverReport::default() }));
    }
    let sources = sent.iter().map(|slot| slot.ssrc);
    let sources: Vec<u32> = if sent.is_empty() { vec![own_ssrc] } else { sources.collect() };
    for chunk in sources.chunks(MAX_BLOCKS) {
        packets.push(Box::new(names(chunk, cname)));
    }
    marshal(&packets).ok().map(|bytes| bytes.to_vec())
}

/// Builds a compound that asks for packets of the source `ssrc` again (RFC 4585, sections 3.1 and 6.2.1).
pub(crate) fn nack(own_ssrc: u32, cname: &str, ssrc: u32, wanted: &[u16]) -> Option<Vec<u8>> {
    let nacks = nack_pairs_from_sequence_numbers(wanted);
    let packets: Vec<Box<dyn Packet>> = vec![
        Box::new(ReceiverReport { ssrc: own_ssrc, ..ReceiverReport::default() }),
        Box::new(names(&[own_ssrc], cname)),
        Box::new(TransportLayerNack { sender_ssrc: own_ssrc, media_ssrc: ssrc, nacks }),
    ];
    marshal(&packets).ok().map(|bytes| bytes.to_vec())
}

fn block((ssrc, reception): &(u32, Reception)) -> ReceptionReport {
    ReceptionReport {
        ssrc: *ssrc,
        fraction_lost: reception.fraction_lost,
        total_lost: reception.total_lost,
        last_sequence_number: reception.highest_sequence,
        jitter: reception.jitter,
        last_sender_report: reception.last_sender_report,
        delay: reception.delay,
    }
}

fn names(sources: &[u32], cname: &str) -> SourceDescription {
    let chunk = |source: &u32| SourceDescriptionChunk {
        source: *source,
        items: vec![SourceDescriptionItem {
            sdes_type: SdesType::SdesCname,
            text: bytes::Bytes::copy_from_slice(cname.as_bytes()),
        }],
    };
    SourceDescription { chunks: sources.iter().map(chunk).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: Reception = Reception {
        fraction_lost: 64,
        total_lost: 9,
        highest_sequence: 70_000,
        jitter: 12,
        last_sender_report: 0x3344_5566,
        delay: 98_304,
    };

    fn sent(ssrc: u32) -> Sent {
        Sent { ssrc, ntp: 0x1122_3344_5566_7788, timestamp: 960, packets: 2, octets: 160 }
    }

    #[test]
    fn what_is_built_is_read_again() {
        let bytes = compound(1, "hubbub", &[sent(7), sent(8)], &[(9, BLOCK)]).expect("built");
        assert_eq!(bytes.len() % 4, 0);
        let reports = read(&bytes).expect("RTCP");
        let ntp = 0x1122_3344_5566_7788;
        assert_eq!(
            reports,
            [
                Report::Sender { ssrc: 7, ntp },
                Report::Reception { ssrc: 9, block: BLOCK },
                Report::Sender { ssrc: 8, ntp }
            ]
        );
        assert!(bytes.windows(6).any(|window| window == b"hubbub"));
    }

    #[test]
    fn less_than_none_lost_is_none_lost() {
        for (field, lost) in [(0xff_ffff, 0), (0x80_0000, 0), (0x7f_ffff, 0x7f_ffff)] {
            let block = Reception { total_lost: field, ..BLOCK };
            let bytes = compound(1, "hubbub", &[], &[(9, block)]).expect("built");
            let read = read(&bytes).expect("RTCP");
            assert_eq!(read, [Report::Reception { ssrc: 9, block: Reception { total_lost: lost, ..BLOCK } }]);
        }
    }

    #[test]
    fn nothing_sent_makes_a_receiver_report() {
        let bytes = compound(1, "hubbub", &[], &[(9, BLOCK)]).expect("built");
        assert_eq!(bytes[1], RECEIVER_REPORT);
        assert_eq!(read(&bytes).expect("RTCP"), [Report::Reception { ssrc: 9, block: BLOCK }]);
    }

    #[test]
    fn a_full_listener_gets_one_compound() {
        let all: Vec<Sent> = (0..32).map(sent).collect();
        let bytes = compound(1, "hubbub", &all, &[]).expect("built");
        assert_eq!(read(&bytes).expect("RTCP").len(), 32);
    }

    #[test]
    fn what_is_asked_for_is_read_again() {
        let wanted = [65_530, 65_535, 0, 1, 16, 18, 40];
        let bytes = nack(7, "hubbub", 9, &wanted).expect("built");
        assert_eq!(bytes[1], RECEIVER_REPORT, "a compound begins with a report");
        let mut read_again = Vec::new();
        for report in read(&bytes).expect("RTCP") {
            let Report::Nack { ssrc, numbers } = report else { panic!("{report:?}") };
            assert_eq!(ssrc, 9);
            read_again.extend(numbers);
        }
        assert_eq!(read_again, wanted);
    }

    #[test]
    fn feedback_and_goodbye_are_passed_over() {
        let mut bytes = vec![0x80 | 1, 203, 0, 1, 0, 0, 0, 9];
        bytes.extend([0x80 | 15, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        bytes.extend([0x80 | 15, 205, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 2]);
        assert_eq!(read(&bytes), Some(Vec::new()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(read(&[0x80, 200, 0]), None);
        assert_eq!(read(&[0x80, 200, 0, 9, 0, 0, 0, 1]), None, "longer than the datagram");
        assert_eq!(read(&[0x80, 200, 0, 1, 0, 0, 0, 1]), None, "a sender report without its fields");
        assert_eq!(read(&[0x9f, 201, 0, 1, 0, 0, 0, 1]), None, "31 blocks announced, none there");
        assert_eq!(read(&[0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]), None, "a NACK of nothing");
        assert_eq!(read(&[0x40, 201, 0, 1, 0, 0, 0, 1]), None, "version 1");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 200u8..=206) {
            let _ = read(&bytes);
            if bytes.len() >= 4 {
                (bytes[0], bytes[1], bytes[2]) = (0x80 | (bytes[0] & 0x3f), kind, 0);
                let _ = read(&bytes);
            }
        }
    }
}
