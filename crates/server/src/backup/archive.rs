//! The archive: written once, and read with distrust.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use serde::{Deserialize, Serialize};

/// Says what the other members are.
const MANIFEST: &str = "manifest.json";
/// The longest manifest that is read.
const MANIFEST_MAX: u64 = 64 * 1024;
/// The version of the archive's form.
const FORMAT: u32 = 1;

/// What is in an archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    format: u32,
    /// The version of the program that wrote it.
    pub(super) hubbub: String,
    /// When (RFC 3339).
    pub(super) created_at: String,
    files: Vec<Member>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Member {
    name: String,
    bytes: u64,
    sha256: String,
}

/// A file that is removed again unless it was kept.
pub(super) struct NewFile {
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Makes a file for its owner only, where there is none.
    ///
    /// # Errors
    /// That there is one, or what the system says.
    pub(super) fn create(path: &Path) -> anyhow::Result<(Self, File)> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok((Self { path: path.to_owned(), kept: false }, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                bail!("{} exists and is not overwritten; give another name", path.display())
            }
            Err(e) => Err(e).with_context(|| format!("{} cannot be made", path.display())),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // Half of it is of no use to anybody.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes `files`, each with the name it has inside, into `archive`, and sees them safe on the disk.
///
/// # Errors
/// What the system says.
pub(super) fn write(archive: File, created_at: String, files: &[(&str, &Path)]) -> anyhow::Result<()> {
    let members: io::Result<Vec<Member>> = files.iter().map(|(name, path)| describe(name, path)).collect();
    let hubbub = env!("CARGO_PKG_VERSION").to_owned();
    let manifest = serde_json::to_vec_pretty(&Manifest { format: FORMAT, hubbub, created_at, files: members? })?;
    let mut builder = tar::Builder::new(archive);
    let mut append = |name: &str, bytes: u64, data: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        builder.append_data(&mut header, name, data)
    };
    append(MANIFEST, manifest.len() as u64, &mut manifest.as_slice())?;
    for (name, path) in files {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        append(name, bytes, &mut file)?;
    }
    let archive = builder.into_inner()?;
    archive.sync_all()?;
    Ok(())
}

fn describe(name: &str, path: &Path) -> io::Result<Member> {
    let mut file = File::open(path)?;
    let (bytes, sha256) = copy(&mut file, &mut io::sink())?;
    Ok(Member { name: name.to_owned(), bytes, sha256 })
}

/// Takes the members of `archive` out to where `places` says, and checks that each is what it was when it was written.
///
/// # Errors
/// What is wrong with the archive, or what the system says. Nothing is left then.
pub(super) fn extract(archive: &Path, places: &[(&str, &Path)]) -> anyhow::Result<(Manifest, Vec<NewFile>)> {
    let shown = archive.display();
    let file = File::open(archive).with_context(|| format!("{shown} cannot be opened"))?;
    let no_backup = || format!("{shown} is not a whole backup of Hubbub");
    let mut reader = tar::Archive::new(file);
    let mut entries = reader.entries().with_context(no_backup)?;

    let first = entries.next().with_context(no_backup)?.with_context(no_backup)?;
    if first.path_bytes().as_ref() != MANIFEST.as_bytes() {
        bail!("{}: it does not begin with {MANIFEST}", no_backup());
    }
    let manifest: Manifest = serde_json::from_reader(first.take(MANIFEST_MAX)).with_context(no_backup)?;
    if manifest.format != FORMAT {
        bail!(
            "{shown} has format {}; this program reads format {FORMAT}: use the version of Hubbub that wrote it",
            manifest.format
        );
    }
    let expected: Vec<&str> = manifest.files.iter().map(|member| member.name.as_str()).collect();
    if expected != places.iter().map(|(name, _)| *name).collect::<Vec<_>>() {
        bail!("{}: it names other files", no_backup());
    }

    let mut taken = Vec::new();
    for (member, (name, place)) in manifest.files.iter().zip(places) {
        let mut entry = entries.next().with_context(no_backup)?.with_context(no_backup)?;
        if entry.path_bytes().as_ref() != name.as_bytes() {
            bail!("{}: {name} is missing", no_backup());
        }
        let (new, mut out) = NewFile::create(place)?;
        let (bytes, sha256) = copy(&mut entry, &mut out).with_context(no_backup)?;
        if (bytes, &sha256) != (member.bytes, &member.sha256) {
            bail!("{shown} is damaged: {name} is not what it was when it was written");
        }
        out.sync_all()?;
        taken.push(new);
    }
    Ok((manifest, taken))
}

/// Copies everything; its length and SHA-256.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let mut digest = Digest::new(&SHA256);
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        digest.update(&buffer[..length]);
        to.write_all(&buffer[..length])?;
        bytes += length as u64;
    }
    Ok((bytes, digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()))
}
