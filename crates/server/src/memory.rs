//! Large blocks of memory go back to the system when they are freed.
//!
//! A checked password takes 19 MiB for a moment, a picture that is read up to 192 MiB. glibc counts blocks of up to 32 MiB as
//! usual once the first was freed, and then each thread that ever had one keeps some for the next.

/// From how many bytes on a block is the system's, and not kept. Lower costs a system call for buffers that come and go all the time;
/// higher keeps more. Passwords are far above it, what a call needs far below.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 1 << 20;

/// Settles it for the process. To be called before there are threads. Other C libraries give large blocks back by themselves.
pub(crate) fn give_large_blocks_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt(3) takes two numbers, and is safe while there is one thread.
        #[expect(unsafe_code, reason = "the C library has no other way to be told")]
        let understood = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE) };
        debug_assert_eq!(understood, 1, "glibc knows the parameter");
    }
}
