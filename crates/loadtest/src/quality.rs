//! How a call sounds: an estimate by the E-model (ITU-T Recommendation G.107, 06/2015).
//!
//! The E-model adds up impairments on a scale from 0 to 100, the rating factor R, and maps R to a mean opinion score (MOS)
//! from 1 to 4.5. Everything that the load tester does not measure has the Recommendation's default value (table 3): R is
//! 93.2 when nothing is lost and nothing takes time. It is the narrow-band model, in which no call scores better than 4.4;
//! Opus sounds better than that, so that the estimate is a low one. It says what loss and delay cost, not how good Opus is.

use serde::Serialize;

/// The equipment impairment factor Ie and the packet-loss robustness factor Bpl of Opus. G.113 gives none, so these are the
/// measured ones for the highest narrow-band rate (11 kbit/s, constant bit rate, random loss) of Alahmadi, Počta and Melvin,
/// "An Adaptive Bitrate Switching Algorithm for Speech Applications in Context of WebRTC", ACM TOMM 17(4), 2021, article 133.
/// At the higher rates of a real call Opus sounds better.
pub const OPUS_IE: f64 = 2.03;
/// See [`OPUS_IE`]. For comparison: G.711 with concealment has 25.1, AMR at 12.2 kbit/s has 10 (G.113, appendix I).
pub const OPUS_BPL: f64 = 15.95;
/// Milliseconds that Opus itself takes: a frame of 20 ms and 6.5 ms of look-ahead (RFC 6716, section 2).
pub const CODEC_DELAY: f64 = 26.5;
/// Milliseconds that the sound hardware of both ends is assumed to take together.
pub const DEVICE_DELAY: f64 = 20.0;
/// Milliseconds that a jitter buffer holds even when nothing jitters: one packet.
pub const SMALLEST_JITTER_BUFFER: f64 = 20.0;

/// What packets meet between two people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// From mouth to ear, in milliseconds.
    pub mouth_to_ear: f64,
    /// Packets lost, 0 to 100.
    pub loss_percent: f64,
}

impl Path {
    /// The path of packets whose one-way latency has these quantiles, in milliseconds. An adaptive jitter buffer is assumed
    /// that waits for 99 of 100 packets and plays the others late by stretching: mouth to ear is codec, devices, the 99th
    /// percentile, and one packet's time.
    #[must_use]
    pub fn of(latency_p99: f64, loss_percent: f64) -> Self {
        Self { mouth_to_ear: CODEC_DELAY + DEVICE_DELAY + SMALLEST_JITTER_BUFFER + latency_p99, loss_percent }
    }

    /// How that sounds.
    #[must_use]
    pub fn rate(&self) -> Quality {
        let r = rating(self.mouth_to_ear.max(0.0), self.loss_percent.clamp(0.0, 100.0), OPUS_IE, OPUS_BPL);
        Quality { r: r.clamp(0.0, 100.0), mos: mos(r) }
    }
}

/// An opinion of a call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// The rating factor R: 90 and more makes people very satisfied, below 60 nearly all are not (G.109, table 1).
    pub r: f64,
    /// The mean opinion score (G.107, annex B).
    pub mos: f64,
}

/// Table 3 of G.107: levels in dB, noises in dBm.
mod default {
    pub(super) const SLR: f64 = 8.0;
    pub(super) const RLR: f64 = 2.0;
    pub(super) const STMR: f64 = 15.0;
    pub(super) const DS: f64 = 3.0;
    pub(super) const DR: f64 = 3.0;
    pub(super) const TELR: f64 = 65.0;
    pub(super) const WEPL: f64 = 110.0;
    pub(super) const QDU: f64 = 1.0;
    pub(super) const NC: f64 = -70.0;
    pub(super) const NFOR: f64 = -64.0;
    pub(super) const PS: f64 = 35.0;
    pub(super) const PR: f64 = 35.0;
    /// Sensitivity to delay, for all kinds of calls.
    pub(super) const S_T: f64 = 1.0;
    /// The delay in milliseconds below which nobody notices.
    pub(super) const M_T: f64 = 100.0;
}

/// R = Ro − Is − Id − Ie,eff (equation 7-1), with the echo path as long as the path (T = Ta, Tr = 2 T) and losses that
/// follow no pattern (BurstR = 1). Delay in milliseconds.
fn rating(delay: f64, loss_percent: f64, ie: f64, bpl: f64) -> f64 {
    let noise = noise();
    let ro = 15.0 - 1.5 * (default::SLR + noise);
    ro - simultaneous(ro, noise, delay) - delayed(ro, noise, delay) - equipment(ie, bpl, loss_percent)
}

/// No: all noise, as if it were at the 0 dBr point (equations 7-3 to 7-7).
fn noise() -> f64 {
    use default::{DR, DS, NC, NFOR, PR, PS, RLR, SLR, STMR};
    let olr = SLR + RLR;
    let sent = PS - SLR - DS - 100.0 + 0.004 * (PS - olr - DS - 14.0).powi(2);
    let listener_sidetone = STMR + DR;
    let received_room = PR + 10.0 * (1.0 + power((10.0 - listener_sidetone) / 10.0)).log10();
    let received = RLR - 121.0 + received_room + 0.008 * (received_room - 35.0).powi(2);
    10.0 * [NC, sent, received, NFOR + RLR].map(|level| power(level / 10.0)).iter().sum::<f64>().log10()
}

/// Is: what comes together with the voice: too loud, sidetone, quantisation (equations 7-8 to 7-17).
fn simultaneous(ro: f64, noise: f64, delay: f64) -> f64 {
    use default::{QDU, RLR, SLR, STMR, TELR};
    let x_olr = SLR + RLR + 0.2 * (64.0 + noise - RLR);
    let too_loud = 20.0 * (root(x_olr / 8.0, 8) - x_olr / 8.0);

    let stmr = -10.0 * (power(-STMR / 10.0) + (-delay / 4.0).exp() * power(-TELR / 10.0)).log10();
    let sidetone = 12.0 * root((stmr - 13.0) / 6.0, 8)
        - 28.0 * root((stmr + 1.0) / 19.4, 35)
        - 13.0 * root((stmr - 3.0) / 33.0, 13)
        + 29.0;

    let q = 37.0 - 15.0 * QDU.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let y = (ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0;
    let z = 46.0 / 30.0 - g / 40.0;
    let quantisation = 15.0 * (1.0 + power(y) + power(z)).log10();

    too_loud + sidetone + quantisation
}

/// Id: what comes later than the voice: talker echo, listener echo, and delay itself (equations 7-18 to 7-27).
fn delayed(ro: f64, noise: f64, delay: f64) -> f64 {
    use default::{M_T, RLR, S_T, TELR, WEPL};
    let roe = -1.5 * (noise - RLR);
    let terv =
        TELR - 40.0 * ((1.0 + delay / 10.0) / (1.0 + delay / 150.0)).log10() + 6.0 * (-0.3 * delay * delay).exp();
    let re = 80.0 + 2.5 * (terv - 14.0);
    let talker_echo = ((roe - re) / 2.0 + ((roe - re).powi(2) / 4.0 + 100.0).sqrt() - 1.0) * (1.0 - (-delay).exp());

    let round_trip = 2.0 * delay;
    let rle = 10.5 * (WEPL + 7.0) * (round_trip + 1.0).powf(-0.25);
    let listener_echo = (ro - rle) / 2.0 + ((ro - rle).powi(2) / 4.0 + 169.0).sqrt();

    let too_late = if delay <= M_T {
        0.0
    } else {
        let x = (delay / M_T).log10() / 2.0_f64.log10();
        let soft = |x: f64| (1.0 + x.powf(6.0 * S_T)).powf(1.0 / (6.0 * S_T));
        25.0 * (soft(x) - 3.0 * soft(x / 3.0) + 2.0)
    };
    talker_echo + listener_echo + too_late
}

/// Ie,eff: what the codec costs, and what losses cost with it (equation 7-29).
fn equipment(ie: f64, bpl: f64, loss_percent: f64) -> f64 {
    ie + (95.0 - ie) * loss_percent / (loss_percent + bpl)
}

/// From R to MOS (annex B). For R between 0 and 6.5 the polynomial dips below 1, which no opinion does.
fn mos(r: f64) -> f64 {
    if r <= 0.0 {
        1.0
    } else if r >= 100.0 {
        4.5
    } else {
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
    }
}

fn power(exponent: f64) -> f64 {
    10.0_f64.powf(exponent)
}

/// The n-th root of 1 + x^n.
fn root(x: f64, n: i32) -> f64 {
    (1.0 + x.powi(n)).powf(1.0 / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64, what: &str) {
        assert!((value - expected).abs() < 1e-4, "{what}: {value}, expected {expected}");
    }

    /// The values of the right column were calculated with the equations of G.107 in another language; the first is the
    /// one the Recommendation itself gives for its defaults.
    #[test]
    fn the_rating_is_that_of_the_recommendation() {
        assert_eq!(format!("{:.1}", rating(0.0, 0.0, 0.0, 4.3)), "93.2");
        for (delay, loss, ie, bpl, r, score) in [
            (0.0, 0.0, 0.0, 4.3, 93.206_208, 4.409_406),
            (50.0, 0.0, 0.0, 4.3, 91.756_161, 4.379_613),
            (100.0, 0.0, 0.0, 4.3, 90.663_730, 4.354_920),
            (150.0, 0.0, 0.0, 4.3, 89.539_132, 4.327_546),
            (200.0, 0.0, 0.0, 4.3, 85.804_718, 4.223_180),
            (300.0, 0.0, 0.0, 4.3, 72.666_360, 3.719_431),
            (400.0, 0.0, 0.0, 4.3, 62.246_827, 3.215_599),
            // G.711 without concealment and G.729A, both with 2 % loss
            (0.0, 2.0, 0.0, 4.3, 63.047_478, 3.256_361),
            (0.0, 2.0, 11.0, 19.0, 74.206_208, 3.787_558),
            (0.0, 0.0, OPUS_IE, OPUS_BPL, 91.176_208, 4.366_740),
            (0.0, 1.0, OPUS_IE, OPUS_BPL, 85.691_252, 4.219_700),
            (80.0, 5.0, OPUS_IE, OPUS_BPL, 66.863_400, 3.446_666),
            (250.0, 20.0, OPUS_IE, OPUS_BPL, 25.425_265, 1.430_988),
            (800.0, 100.0, OPUS_IE, OPUS_BPL, -39.388_935, 1.0),
        ] {
            let what = format!("{delay} ms, {loss} %, Ie {ie}");
            near(rating(delay, loss, ie, bpl), r, &what);
            near(mos(r), score, &what);
        }
    }

    #[test]
    fn the_path_from_mouth_to_ear_has_more_than_the_network() {
        let path = Path::of(40.0, 0.0);
        near(path.mouth_to_ear, 106.5, "26.5 + 20 + 20 + 40");
        near(path.rate().r, rating(106.5, 0.0, OPUS_IE, OPUS_BPL), "the same");
    }

    proptest::proptest! {
        #[test]
        fn more_loss_and_more_delay_never_sound_better(
            delay in 0.0..2000.0_f64, more_delay in 0.0..2000.0_f64, loss in 0.0..100.0_f64, more_loss in 0.0..100.0_f64,
        ) {
            let rate = |delay: f64, loss: f64| Path { mouth_to_ear: delay, loss_percent: loss }.rate();
            let good = rate(delay, loss);
            let bad = rate(delay + more_delay, (loss + more_loss).min(100.0));
            proptest::prop_assert!(bad.r <= good.r + 1e-9 && bad.mos <= good.mos + 1e-9, "{good:?} {bad:?}");
            for quality in [good, bad] {
                proptest::prop_assert!((1.0..=4.5).contains(&quality.mos) && (0.0..=100.0).contains(&quality.r));
            }
        }
    }
}
