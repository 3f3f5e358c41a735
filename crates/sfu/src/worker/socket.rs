//! Many datagrams a system call. The only file of the project with `unsafe`: the system's batch calls have no safe
//! wrapper that works on a non-blocking socket without allocating.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

use crate::transport::{Datagrams, Path};

/// Datagrams received at once. More delays the first one's copies, fewer costs system calls.
const RECEIVE: usize = 32;
/// Sends at once, each of one datagram or of several segments; the kernel's own limit is 1024.
const SEND: usize = 128;
/// The largest datagram taken. Whoever negotiates media sends less than an Ethernet packet.
const DATAGRAM_MAX: usize = 2048;
/// Socket buffers asked for: a second of 3 speakers to 1 000 listeners is 15 MB, so that this is 300 ms of it.
pub(super) const BUFFER: usize = 4 << 20;

/// Asks for large socket buffers. The system grants what its limits allow; with less, bursts in large calls are lost.
pub(super) fn enlarge_buffers(socket: &std::net::UdpSocket) -> io::Result<()> {
    let (receive, send) = ask_for_buffers(socket)?;
    if receive < BUFFER || send < BUFFER {
        tracing::info!(
            buffer.receive = receive,
            buffer.send = send,
            buffer.wanted = BUFFER,
            "media socket buffers are smaller than wanted: for large calls raise net.core.rmem_max and net.core.wmem_max"
        );
    }
    Ok(())
}

/// Asks for large socket buffers; what the system gives, for receiving and for sending.
pub(super) fn ask_for_buffers(socket: &std::net::UdpSocket) -> io::Result<(usize, usize)> {
    let socket = socket2::SockRef::from(socket);
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
}

/// Has an IPv6 socket send from the machine's lasting addresses, which are those clients are told of, not from temporary ones
/// (RFC 5014). Where the system cannot, temporary addresses have to be turned off, or one address bound.
pub(super) fn prefer_stable_source(socket: &std::net::UdpSocket) {
    #[cfg(target_os = "linux")]
    if socket.local_addr().is_ok_and(|address| address.is_ipv6()) && !system::prefer_stable_source(socket) {
        tracing::debug!("the system does not prefer lasting IPv6 addresses");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Has datagrams leave in one piece or not at all (ip(7), `IP_PMTUDISC_PROBE`): the system then need not give each an identification
/// that its fragments would share, which is a fifth of what sending costs (docs/adr/0016-one-unconnected-socket-a-worker.md).
pub(super) fn never_fragment(socket: &std::net::UdpSocket) {
    #[cfg(target_os = "linux")]
    if let Err(error) = system::never_fragment(socket) {
        tracing::debug!(%error, "the system may fragment datagrams");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Has a socket on all addresses tell which one each datagram came to, so that the answer can leave from there. Elsewhere than on
/// Linux the routes choose.
/// Costs 0.1 µs a send.
pub(super) fn report_destinations(socket: &UdpSocket) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    system::report_destinations(socket)?;
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
    Ok(())
}

/// Memory for one batch of received datagrams.
pub(super) struct Receiver {
    buffers: Box<[[u8; DATAGRAM_MAX]]>,
    datagrams: Vec<(Path, usize)>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { buffers: vec![[0; DATAGRAM_MAX]; RECEIVE].into_boxed_slice(), datagrams: Vec::with_capacity(RECEIVE) }
    }

    /// The datagrams of the last batch. One that was too large is empty.
    pub(super) fn datagrams_mut(&mut self) -> impl ExactSizeIterator<Item = (Path, &mut [u8])> {
        let both = self.datagrams.iter().zip(&mut self.buffers);
        both.map(|((path, len), buffer)| (*path, buffer.get_mut(..*len).unwrap_or_default()))
    }

    /// How many the last batch had.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.datagrams.len()).unwrap_or(u32::MAX)
    }

    /// Whether the last batch was as large as batches get, so that there may be more.
    pub(super) fn is_full(&self) -> bool {
        self.datagrams.len() == RECEIVE
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::mem::MaybeUninit;
    use std::net::{IpAddr, Ipv4Addr};
    use std::os::fd::AsRawFd;

    use libc::{
        CMSG_DATA, CMSG_FIRSTHDR, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, MSG_DONTWAIT, MSG_TRUNC, SOL_UDP,
        UDP_SEGMENT, c_int, c_uint, cmsghdr, in_pktinfo, in6_pktinfo, iovec, mmsghdr, msghdr, sockaddr_storage,
        socklen_t,
    };
    use socket2::{SockAddr, SockAddrStorage};

    use super::{DATAGRAM_MAX, Datagrams, Path, RECEIVE, Receiver, SEND, SocketAddr, UdpSocket};

    /// From the kernel's asm-generic/socket.h; libc has it for one architecture only.
    const SO_MEMINFO: c_int = 55;

    impl Receiver {
        /// Receives one batch.
        ///
        /// # Errors
        /// The system's; [`io::ErrorKind::WouldBlock`] when there is nothing.
        pub(in super::super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
            self.datagrams.clear();
            let mut sources = [const { MaybeUninit::<sockaddr_storage>::zeroed() }; RECEIVE];
            let mut controls = [const { MaybeUninit::<[u64; CONTROL_WORDS]>::uninit() }; RECEIVE];
            let mut vectors: [iovec; RECEIVE] = std::array::from_fn(|index| iovec {
                iov_base: self.buffers[index].as_mut_ptr().cast(),
                iov_len: DATAGRAM_MAX,
            });
            #[expect(clippy::cast_possible_truncation, reason = "128 bytes")]
            let mut headers: [mmsghdr; RECEIVE] = std::array::from_fn(|index| {
                let mut header = empty_header();
                header.msg_hdr.msg_control = (&raw mut controls[index]).cast();
                header.msg_hdr.msg_controllen = size_of::<[u64; CONTROL_WORDS]>() as _;
                header.msg_hdr.msg_name = sources[index].as_mut_ptr().cast();
                header.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
                header.msg_hdr.msg_iov = &raw mut vectors[index];
                header.msg_hdr.msg_iovlen = 1;
                header
            });
            let received = socket.try_io(|| {
                // SAFETY: `headers` has RECEIVE elements; each points to a source address, a control buffer, a vector and
                // through it to a buffer of DATAGRAM_MAX bytes, all alive, writable and not otherwise borrowed until the call returns.
                #[expect(unsafe_code, reason = "recvmmsg(2) has no safe wrapper")]
                let result = unsafe {
                    libc::recvmmsg(
                        socket.as_raw_fd(),
                        headers.as_mut_ptr(),
                        RECEIVE as c_uint,
                        MSG_DONTWAIT,
                        std::ptr::null_mut(),
                    )
                };
                usize::try_from(result).map_err(|_| io::Error::last_os_error())
            })?;
            for (header, source) in headers.iter().zip(sources).take(received) {
                // SAFETY: the storage was zeroed, which is a valid value, and the system wrote `msg_namelen` bytes of an
                // address over it.
                #[expect(unsafe_code, reason = "an address as the system writes it")]
                let source = unsafe {
                    SockAddr::new(
                        std::mem::transmute::<sockaddr_storage, SockAddrStorage>(source.assume_init()),
                        header.msg_hdr.msg_namelen,
                    )
                };
                let whole = header.msg_hdr.msg_flags & MSG_TRUNC == 0;
                let len = if whole { header.msg_len as usize } else { 0 };
                // A datagram without an IP address cannot be answered; it keeps its buffer's place.
                let source = source.as_socket().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
                self.datagrams.push((Path::udp(source).at(destination(&header.msg_hdr)), len));
            }
            Ok(())
        }
    }

    /// Words of a control buffer: more than the address of a datagram takes (36 bytes).
    const CONTROL_WORDS: usize = 8;

    /// The address a datagram came to, where the socket tells.
    fn destination(header: &msghdr) -> Option<IpAddr> {
        // SAFETY: the system wrote `msg_controllen` bytes of control messages to the buffer that `msg_control` points to, which is
        // alive and aligned; a first message of these kinds holds a value of these types.
        #[expect(unsafe_code, reason = "control messages as the system writes them")]
        unsafe {
            let first = CMSG_FIRSTHDR(header);
            if first.is_null() {
                return None;
            }
            match ((*first).cmsg_level, (*first).cmsg_type) {
                (IPPROTO_IP, IP_PKTINFO) => {
                    let info = CMSG_DATA(first).cast::<in_pktinfo>().read_unaligned();
                    Some(IpAddr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()))
                }
                (IPPROTO_IPV6, IPV6_PKTINFO) => {
                    let info = CMSG_DATA(first).cast::<in6_pktinfo>().read_unaligned();
                    Some(IpAddr::from(info.ipi6_addr.s6_addr))
                }
                _ => None,
            }
        }
    }

    /// Both control messages a datagram may go out with, one behind the other.
    #[repr(C)]
    struct Control {
        segments: Segments,
        source: Source,
    }

    /// A control message that tells from which address to send (ip(7), ipv6(7)): an `in6_pktinfo`, or an `in_pktinfo` in its first
    /// 12 bytes, with interface 0, which is any.
    #[repr(C)]
    struct Source {
        header: cmsghdr,
        info: [[u8; 4]; 5],
    }

    impl Source {
        fn new(local: IpAddr) -> Self {
            let mut info = [[0; 4]; 5];
            let (level, kind, len) = match local {
                IpAddr::V4(v4) => {
                    info[1] = v4.octets();
                    (IPPROTO_IP, IP_PKTINFO, size_of::<in_pktinfo>())
                }
                IpAddr::V6(v6) => {
                    info[..4].copy_from_slice(v6.octets().as_chunks().0);
                    (IPPROTO_IPV6, IPV6_PKTINFO, size_of::<in6_pktinfo>())
                }
            };
            Self { header: control_header(level, kind, len), info }
        }
    }

    const fn control_header(level: c_int, kind: c_int, len: usize) -> cmsghdr {
        // SAFETY: all fields are integers, for which zeroes are valid.
        #[expect(unsafe_code, reason = "the type has private padding on some systems")]
        let mut header: cmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.cmsg_len = (size_of::<cmsghdr>() + len) as _;
        header.cmsg_level = level;
        header.cmsg_type = kind;
        header
    }

    /// A control message that tells how long segments are (udp(7)), laid out as CMSG_FIRSTHDR(3) and CMSG_DATA(3) find it.
    #[repr(C)]
    struct Segments {
        header: cmsghdr,
        /// Bytes each.
        len: u16,
    }

    impl Segments {
        /// With 0, the datagram is not cut.
        #[expect(clippy::cast_possible_truncation, reason = "at most the size of a datagram")]
        const fn new(len: usize) -> Self {
            Self { header: control_header(SOL_UDP, UDP_SEGMENT, size_of::<u16>()), len: len as u16 }
        }
    }

    /// What the header of one send points to.
    struct Parcel {
        vector: iovec,
        control: Control,
        address: SockAddr,
    }

    impl Parcel {
        fn new(entry: &Datagrams<'_>) -> Self {
            Self {
                vector: iovec { iov_base: entry.bytes.as_ptr().cast_mut().cast(), iov_len: entry.bytes.len() },
                control: Control {
                    segments: Segments::new(if entry.count() > 1 { entry.segment } else { 0 }),
                    source: Source::new(entry.path.local.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))),
                },
                address: SockAddr::from(entry.path.remote),
            }
        }

        /// The header; good as long as this stays where it is.
        fn header(&mut self, entry: &Datagrams<'_>) -> mmsghdr {
            let mut header = empty_header();
            header.msg_hdr.msg_name = self.address.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = self.address.len();
            header.msg_hdr.msg_iov = &raw mut self.vector;
            header.msg_hdr.msg_iovlen = 1;
            // The source is the second message, and looked at only where the length includes it.
            let control = match entry.path.local {
                Some(_) => size_of::<Control>(),
                None if self.control.segments.len > 0 => size_of::<Segments>(),
                None => 0,
            };
            if control > 0 {
                header.msg_hdr.msg_control = (&raw mut self.control).cast();
                header.msg_hdr.msg_controllen = control as _;
            }
            header
        }
    }

    /// Sends a batch of at most [`SEND`] of these and tells how many there were and how many of them, from the first, the system
    /// took. Several datagrams of one entry are cut apart by the system (UDP GSO).
    ///
    /// # Errors
    /// The system's, for the first one.
    pub(in super::super) fn send_batch<'a>(
        socket: &UdpSocket,
        datagrams: &mut impl Iterator<Item = Datagrams<'a>>,
    ) -> (usize, io::Result<usize>) {
        // Nothing is written for those who are not there: most batches are small.
        let mut parcels = [const { MaybeUninit::<Parcel>::uninit() }; SEND];
        let mut headers = [const { MaybeUninit::<mmsghdr>::uninit() }; SEND];
        let mut count = 0;
        for ((parcel, header), entry) in parcels.iter_mut().zip(&mut headers).zip(datagrams) {
            header.write(parcel.write(Parcel::new(&entry)).header(&entry));
            count += 1;
        }
        if count == 0 {
            return (0, Ok(0));
        }
        let sent = socket.try_io(|| {
            // SAFETY: the first `count` elements of `headers` are written and point to addresses, control messages, vectors and
            // through them to datagrams, all alive until the call returns; the call only reads through them, so that casting
            // constness away is sound. It writes to the headers, which nobody reads any more.
            #[expect(unsafe_code, reason = "sendmmsg(2) has no safe wrapper")]
            let result = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr().cast(), count as c_uint, MSG_DONTWAIT)
            };
            usize::try_from(result).map_err(|_| io::Error::last_os_error())
        });
        (count, sent)
    }

    /// Whether the system cuts datagrams apart (UDP GSO, since Linux 4.18). That a network device then refuses is found out only
    /// by sending.
    pub(in super::super) fn can_segment() -> bool {
        let Ok(probe) = std::net::UdpSocket::bind("127.0.0.1:0") else { return false };
        let len: c_int = 1200;
        // SAFETY: the option's value is an int, alive until the call returns.
        #[expect(unsafe_code, reason = "UDP_SEGMENT has no safe wrapper")]
        let result = unsafe {
            libc::setsockopt(
                probe.as_raw_fd(),
                SOL_UDP,
                UDP_SEGMENT,
                (&raw const len).cast(),
                size_of::<c_int>() as socklen_t,
            )
        };
        result == 0
    }

    /// How many datagrams the socket had no room for since it was made (SO_MEMINFO); wraps.
    ///
    /// # Errors
    /// The system's.
    pub(in super::super) fn dropped(socket: &UdpSocket) -> io::Result<u32> {
        const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;
        let mut memory = [0u32; DROPS + 1];
        let mut len = size_of_val(&memory) as socklen_t;
        // SAFETY: the system writes at most `len` bytes, which is the size of the array, alive until the call returns.
        #[expect(unsafe_code, reason = "SO_MEMINFO has no safe wrapper")]
        let result = unsafe {
            libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, memory.as_mut_ptr().cast(), &raw mut len)
        };
        if result == 0 { Ok(memory[DROPS]) } else { Err(io::Error::last_os_error()) }
    }

    const fn empty_header() -> mmsghdr {
        // SAFETY: all fields are integers and raw pointers, for which zeroes are valid.
        #[expect(unsafe_code, reason = "the type has private padding on some systems")]
        unsafe {
            MaybeUninit::zeroed().assume_init()
        }
    }

    pub(super) fn prefer_stable_source(socket: &std::net::UdpSocket) -> bool {
        set_option(socket, IPPROTO_IPV6, libc::IPV6_ADDR_PREFERENCES, libc::IPV6_PREFER_SRC_PUBLIC).is_ok()
    }

    /// Counts for IPv4 from a socket of either family.
    pub(super) fn never_fragment(socket: &std::net::UdpSocket) -> io::Result<()> {
        set_option(socket, IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE)
    }

    pub(super) fn report_destinations(socket: &UdpSocket) -> io::Result<()> {
        match socket.local_addr()? {
            SocketAddr::V4(_) => set_option(socket, IPPROTO_IP, IP_PKTINFO, 1),
            SocketAddr::V6(_) => set_option(socket, IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "4 bytes")]
    fn set_option(socket: &impl AsRawFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
        // SAFETY: the option's value is one int, alive until the call returns, and its size is given.
        #[expect(unsafe_code, reason = "these options of setsockopt(2) have no safe wrapper")]
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                level,
                name,
                (&raw const value).cast(),
                size_of::<c_int>() as socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits for room in the socket's buffer: a few packets' time, after which audio is late anyway.
    pub(in super::super) fn wait_for_room(socket: &UdpSocket) -> bool {
        const MILLISECONDS: libc::c_int = 5;
        let mut wanted = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one pollfd, alive and writable.
        #[expect(unsafe_code, reason = "poll(2) has no safe wrapper")]
        let ready = unsafe { libc::poll(&raw mut wanted, 1, MILLISECONDS) };
        ready > 0
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Datagrams, Receiver, UdpSocket, io};

    impl Receiver {
        /// Receives one datagram.
        ///
        /// # Errors
        /// The system's; [`io::ErrorKind::WouldBlock`] when there is nothing.
        pub(in super::super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
            self.datagrams.clear();
            while self.datagrams.len() < self.buffers.len() {
                match socket.recv_from(&mut self.buffers[self.datagrams.len()]) {
                    Ok((len, source)) => self.datagrams.push((Path::udp(source), len)),
                    Err(_) if !self.datagrams.is_empty() => break,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }

    /// Sends the first of these.
    ///
    /// # Errors
    /// The system's.
    pub(in super::super) fn send_batch<'a>(
        socket: &UdpSocket,
        datagrams: &mut impl Iterator<Item = Datagrams<'a>>,
    ) -> (usize, io::Result<usize>) {
        match datagrams.next() {
            Some(entry) => (1, socket.send_to(entry.bytes, entry.path.remote).map(|_| 1)),
            None => (0, Ok(0)),
        }
    }

    pub(in super::super) const fn can_segment() -> bool {
        false
    }

    pub(in super::super) const fn dropped(_: &UdpSocket) -> io::Result<u32> {
        Ok(0)
    }

    pub(in super::super) const fn wait_for_room(_: &UdpSocket) -> bool {
        false
    }
}

pub(super) use system::{can_segment, dropped, send_batch, wait_for_room};

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
