//! The corpus of a fuzz target, and mutations of it that are the same in every run. Part of the tests that replay it.

use std::path::Path;

/// In place of libFuzzer's, for tests that are named `libfuzzer_sys` to the targets: the target as a function.
#[macro_export]
macro_rules! fuzz_target {
    (|$data:ident: &[u8]| $body:expr) => {
        pub(crate) fn target($data: &[u8]) {
            $body
        }
    };
}

/// What reaches a length field, a counter or a version.
const INTERESTING: [u8; 12] = [0, 1, 2, 4, 0x0f, 0x10, 0x7f, 0x80, 0x81, 0xc8, 0xfe, 0xff];
/// No mutation makes an input longer.
const INPUT_MAX: usize = 8 * 1024;

/// Replays a corpus, then as many mutations of its inputs.
///
/// # Panics
/// When the target does, with the input in hexadecimal, or when there is no corpus.
pub(crate) fn run(target: &str, mutations: usize, test: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    let corpus: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(name).expect("readable")).collect();
    assert!(!corpus.is_empty(), "no corpus in {}", folder.display());
    let check = |input: &[u8], what: &str| {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(input))).is_err() {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            panic!("{target}: {what} found a bug; put these bytes into fuzz/corpus/{target}: {hex}");
        }
    };
    for (name, input) in names.iter().zip(&corpus) {
        check(input, &name.display().to_string());
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..mutations {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut input, &corpus, &mut random);
        }
        input.truncate(INPUT_MAX);
        check(&input, &format!("mutation {number}"));
    }
}

fn mutate(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    if input.is_empty() {
        input.push(random.byte());
    }
    let at = random.below(input.len());
    match random.below(8) {
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.byte(),
        2 => input[at] = INTERESTING[random.below(INTERESTING.len())],
        3 => input.insert(at, random.byte()),
        4 => drop(input.remove(at)),
        5 => input.truncate(at),
        6 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let end = (at + 1 + random.below(32)).min(input.len());
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than the bound")]
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}
