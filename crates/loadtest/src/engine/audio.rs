//! What speakers say: Opus packets of 20 ms from a file, each with room for a stamp and with its loudness.

use std::io::{Cursor, Read, Seek};
use std::path::Path;
use std::time::Duration;

use ogg::PacketReader;

use super::opus;
use crate::error::LoadTestError;

/// From one packet to the next, by the clock of the microphone.
pub(super) const PERIOD: Duration = Duration::from_millis(20);
/// RTP clock ticks of one packet: 20 ms at 48 kHz.
pub(super) const PACKET_TICKS: u32 = 960;
/// The level of silence in -dBov (RFC 6464).
pub(super) const SILENCE: u8 = 127;
/// The level told for packets of a file whose loudness nobody measured: a voice close to the microphone.
const SPEECH: u8 = 25;
/// Packets of this size or less are DTX: nothing is said in them (RFC 6716, section 2.1.9).
const DTX_MAX: usize = 2;
/// Longer files are not read on: 10 minutes.
const PACKETS_MAX: usize = 30_000;

const SPEECH_FILE: &[u8] = include_bytes!("../../assets/speech.opus");
const SPEECH_LEVELS: &[u8] = include_bytes!("../../assets/speech.levels");

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The Opus packet; its last [`opus::STAMP`] bytes are padding.
    pub(super) payload: Vec<u8>,
    /// Its loudness in -dBov: 0 loud, 127 silence.
    pub(super) level: u8,
}

/// What is said again and again; never empty.
#[derive(Clone, Debug)]
pub(super) struct Audio {
    frames: Vec<Frame>,
    quiet: Frame,
    period: Duration,
}

impl Audio {
    /// The built-in speech-like sound.
    ///
    /// # Errors
    /// Never with the assets as they are.
    pub(super) fn built_in() -> Result<Self, LoadTestError> {
        let mut frames = read(Cursor::new(SPEECH_FILE)).map_err(|reason| bad("the built-in sound", reason))?;
        for (frame, level) in frames.iter_mut().zip(SPEECH_LEVELS) {
            frame.level = *level;
        }
        Self::of(frames).map_err(|reason| bad("the built-in sound", reason))
    }

    /// An Ogg Opus file (RFC 7845) with packets of 20 ms.
    ///
    /// # Errors
    /// [`LoadTestError::BadAudio`] saying what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, LoadTestError> {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|e| bad(&name, e.to_string()))?;
        read(std::io::BufReader::new(file)).and_then(Self::of).map_err(|reason| bad(&name, reason))
    }

    fn of(frames: Vec<Frame>) -> Result<Self, String> {
        let mut quiet = frames.iter().max_by_key(|frame| frame.level).cloned().ok_or("it holds no packets")?;
        quiet.level = SILENCE;
        Ok(Self { frames, quiet, period: PERIOD })
    }

    /// The same, said a little faster or more slowly.
    pub(super) fn with_period(self, period: Duration) -> Self {
        Self { period, ..self }
    }

    /// From one packet to the next.
    pub(super) const fn period(&self) -> Duration {
        self.period
    }

    /// The packet of a number, from 0 and round again.
    pub(super) fn frame(&self, number: usize) -> &Frame {
        &self.frames[number % self.frames.len()]
    }

    /// What is sent in a pause.
    pub(super) const fn quiet(&self) -> &Frame {
        &self.quiet
    }

    /// Whether nothing is said in some of its packets.
    pub(super) fn has_pauses(&self) -> bool {
        self.frames.iter().any(|frame| frame.level == SILENCE)
    }

    /// How many packets there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }
}

fn bad(what: &str, reason: impl Into<String>) -> LoadTestError {
    LoadTestError::BadAudio { file: what.to_owned(), reason: reason.into() }
}

fn read(file: impl Read + Seek) -> Result<Vec<Frame>, String> {
    let mut reader = PacketReader::new(file);
    let mut next = || reader.read_packet().map_err(|e| format!("it is no Ogg file: {e}"));
    let head = next()?.ok_or("it is empty")?;
    if !head.data.starts_with(b"OpusHead") {
        return Err("it is an Ogg file without Opus; make one with opusenc --framesize 20".to_owned());
    }
    next()?.filter(|tags| tags.data.starts_with(b"OpusTags")).ok_or("its Opus header is incomplete")?;
    let mut frames = Vec::new();
    while let Some(packet) = next()? {
        let number = frames.len();
        match opus::ticks(&packet.data) {
            Some(PACKET_TICKS) => {}
            Some(ticks) => {
                let milliseconds = f64::from(ticks) / 48.0;
                return Err(format!(
                    "its packet {number} lasts {milliseconds} ms instead of 20; make it with opusenc --framesize 20"
                ));
            }
            None => return Err(format!("its packet {number} is no Opus")),
        }
        let payload = opus::with_room(&packet.data).ok_or_else(|| format!("its packet {number} is no Opus"))?;
        let level = if packet.data.len() <= DTX_MAX { SILENCE } else { SPEECH };
        frames.push(Frame { payload, level });
        if frames.len() == PACKETS_MAX {
            break;
        }
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_built_in_sound_is_whole_and_has_a_level_for_each_packet() {
        let audio = Audio::built_in().unwrap();
        assert_eq!(audio.len(), SPEECH_LEVELS.len());
        assert!(audio.len() >= 250, "5 s at least");
        let loud = (0..audio.len()).filter(|&i| audio.frame(i).level < 40).count();
        assert!(loud * 2 > audio.len(), "{loud} of {} packets are speech", audio.len());
        let bytes: usize = (0..audio.len()).map(|i| audio.frame(i).payload.len()).sum();
        assert!((75..=110).contains(&(bytes / audio.len())), "{} bytes a packet", bytes / audio.len());
        assert_eq!(audio.frame(3), audio.frame(3 + audio.len()));
        assert_eq!(audio.quiet().level, SILENCE);
        assert!(!audio.has_pauses());
        let mut frames = audio.frames.clone();
        frames.push(audio.quiet().clone());
        assert!(Audio::of(frames).unwrap().has_pauses());
    }

    #[test]
    fn files_that_are_no_ogg_opus_are_named_with_a_reason() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"RIFF....WAVEfmt ").unwrap();
        let error = Audio::open(file.path()).unwrap_err().to_string();
        assert!(error.contains(&file.path().display().to_string()) && error.lines().count() == 1, "{error}");
        let error = Audio::open(Path::new("/nowhere/at/all.opus")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.opus"), "{error}");
    }

    #[test]
    fn a_file_on_disk_is_read_like_the_built_in_one() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(SPEECH_FILE).unwrap();
        let audio = Audio::open(file.path()).unwrap();
        assert_eq!(audio.len(), SPEECH_LEVELS.len());
        assert_eq!(audio.frame(0).level, SPEECH);
    }
}
