//! `web/src/protocol/generated.ts` is what these types say. `HUBBUB_UPDATE=1 cargo test -p hubbub-protocol` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use hubbub_protocol::{
    ClientMessage, ErrorCode, IceCandidateInit, LeftReason, MediaState, MediaStep, PROTOCOL_VERSION, Participant,
    RemoveReason, RoomInfo, SdpType, ServerMessage, SessionDescription, SlotAssignment, Speaker,
};
use ts_rs::{Config, TS};

fn declare<T: TS>(out: &mut String) {
    let config = Config::default();
    writeln!(out, "export {}\n", T::decl(&config)).expect("a string takes everything");
}

#[test]
fn generated_typescript_is_fresh() {
    let mut out = String::from("// Generated from crates/protocol; do not edit. `make generate` writes it anew.\n\n");
    writeln!(out, "export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n").unwrap();
    declare::<SdpType>(&mut out);
    declare::<SessionDescription>(&mut out);
    declare::<IceCandidateInit>(&mut out);
    declare::<RoomInfo>(&mut out);
    declare::<Participant>(&mut out);
    declare::<SlotAssignment>(&mut out);
    declare::<Speaker>(&mut out);
    declare::<MediaState>(&mut out);
    declare::<MediaStep>(&mut out);
    declare::<LeftReason>(&mut out);
    declare::<RemoveReason>(&mut out);
    declare::<ErrorCode>(&mut out);
    declare::<ClientMessage>(&mut out);
    declare::<ServerMessage>(&mut out);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/protocol/generated.ts");
    if std::env::var_os("HUBBUB_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &out).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == out, "{} is stale: run `make generate` and commit it", path.display());
}
