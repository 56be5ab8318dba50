//! Records on their way to the socket.

use std::io::{self, ErrorKind, IoSlice};

use crate::transport::{Socket, Transport};

/// Records that are made and not yet taken by the socket: those of one write, and what the session says by itself. Whoever
/// holds it sends.
#[derive(Debug, Default)]
pub(super) struct Sending {
    records: Vec<u8>,
    /// Bytes of `records` that the socket has taken.
    sent: usize,
    /// Bytes of the writer's that are in the unsent records, and that he still believes unsent.
    owed: usize,
}

/// Memory that has grown past this is given back once it is empty: 20 KiB, a full record and a little.
const KEPT: usize = 20 << 10;

impl Sending {
    /// Where records are appended.
    pub(super) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.records
    }

    /// Whether the writer's next bytes are in records already.
    pub(super) fn owes(&self) -> bool {
        self.owed > 0
    }

    /// `count` bytes of the writer's have become records.
    pub(super) fn owe(&mut self, count: usize) {
        self.owed += count;
    }

    /// Sends what goes without waiting.
    ///
    /// # Errors
    /// What the socket says, unless it is full.
    pub(super) fn push(&mut self, socket: &Socket) -> io::Result<()> {
        while let Some(unsent) = self.records.get(self.sent..).filter(|unsent| !unsent.is_empty()) {
            match socket.write(&[IoSlice::new(unsent)]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        self.records.clear();
        self.records.shrink_to(KEPT);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many of the writer's bytes have left since he was last told. As long as there are unsent records he is owed some,
    /// so that he comes back for them.
    ///
    /// # Errors
    /// `WouldBlock` when there are none.
    pub(super) fn settle(&mut self) -> io::Result<usize> {
        let left = self.owed - self.owed.min(self.records.len() - self.sent);
        self.owed -= left;
        if left == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(left) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_writer_is_told_of_all_his_bytes_and_of_the_last_only_when_every_record_has_left() {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let (socket, mut sending) = (Socket::from(near), Sending::default());
        let (records, bytes) = (4 << 20, (4 << 20) - 1000);
        sending.records().resize(records, 7);
        sending.owe(bytes);
        let (mut told, mut read, mut stuck) = (0, vec![0; 64 << 10], 0);
        while told < bytes {
            sending.push(&socket).unwrap();
            match sending.settle() {
                Ok(count) => told += count,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    stuck += 1;
                    let taken = (&far).read(&mut read).unwrap();
                    assert!(taken > 0);
                }
            }
            assert_eq!(told == bytes, !sending.owes());
            assert!(sending.owes() || sending.is_empty());
        }
        assert!(stuck > 10, "{stuck}");
    }
}
