use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use rpc_core::{Code, threads};

use super::*;

/// Passes on each write.
struct Paper(Sender<String>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.send(String::from_utf8(bytes.to_vec()).unwrap());
        written.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_message_waits_until_the_number_is_printed() {
    let ((opening, opened), (paper, lines), (ended, _end)) = (bounded(0), unbounded(), bounded(1));
    let screen = Arc::new(Screen::new(opened, Paper(paper), ended));
    let showing = screen.clone();
    let early =
        threads::spawn("early", move || assert_eq!(showing.exibe("oi".to_owned(), "ana".to_owned()), Ok(0)));
    assert!(lines.recv_timeout(Duration::from_millis(50)).is_err());
    drop(opening);
    assert_eq!(lines.recv_timeout(SOON).unwrap(), "Mensagem de ana: oi\n");
    drop(early);
}

#[test]
fn a_line_is_one_write_as_it_was_received() {
    let ((_, opened), (paper, lines), (ended, end)) = (bounded(0), unbounded(), bounded(1));
    let screen = Screen::new(opened, Paper(paper), ended);
    assert_eq!(screen.exibe(" um,  dois , çãé 🦀".to_owned(), "ação".to_owned()), Ok(0));
    assert_eq!(lines.try_recv().unwrap(), "Mensagem de ação:  um,  dois , çãé 🦀\n");
    assert_eq!(screen.exibe(String::new(), String::new()), Ok(0));
    assert_eq!(lines.try_recv().unwrap(), "Mensagem de : \n");
    assert!(end.try_recv().is_err());
    assert_eq!(screen.termina(), Ok(0));
    end.try_recv().unwrap().unwrap();
    assert!(lines.try_recv().is_err());
}

#[test]
fn a_screen_that_nobody_reads_ends_its_display() {
    let ((_, opened), (paper, lines), (ended, end)) = (bounded(0), unbounded(), bounded(1));
    let screen = Screen::new(opened, Paper(paper), ended);
    drop(lines);
    assert_eq!(screen.exibe("oi".to_owned(), "ana".to_owned()).unwrap_err().code(), Code::Unavailable);
    assert_eq!(end.try_recv().unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
