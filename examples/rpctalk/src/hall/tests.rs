use crossbeam_channel::{Receiver, bounded, unbounded};
use rpc_core::{Code, threads};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// What a display was called for.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Shown(String, String),
    Ended,
}

/// A display in this process.
struct Panel {
    told: Sender<Told>,
    /// Displays on an odd port cannot be reached.
    port: u16,
}

impl Panel {
    fn tell(&self, told: Told) -> Result<i64, Status> {
        if self.port % 2 == 1 {
            return Err(Status::unavailable("cannot connect").not_run());
        }
        self.told.send(told).unwrap();
        Ok(0)
    }
}

impl Display for Panel {
    fn exibe(&self, mensagem: String, origem: String) -> Result<i64, Status> {
        self.tell(Told::Shown(mensagem, origem))
    }

    fn termina(&self) -> Result<i64, Status> {
        self.tell(Told::Ended)
    }
}

struct Stage {
    hall: Hall,
    told: Receiver<Told>,
    end: Receiver<()>,
}

fn stage() -> Stage {
    let ((ended, end), (telling, told)) = (bounded(1), unbounded());
    let hall = Hall::reaching(ended, move |_, port, _| Arc::new(Panel { told: telling.clone(), port }));
    Stage { hall, told, end }
}

impl Stage {
    fn display(&self, id: &str, port: u16) -> i64 {
        self.hall.registra_saida(id.to_owned(), "host".to_owned(), port).unwrap()
    }

    fn sender(&self, id: &str) -> i64 {
        self.hall.registra_entrada(id.to_owned()).unwrap()
    }

    fn send(&self, from: &str, to: &str, message: &str) -> i64 {
        calling_as(from, || self.hall.envia(message.to_owned(), to.to_owned())).unwrap()
    }
}

fn calling_as<T>(id: &str, body: impl FnOnce() -> T) -> T {
    Context::background().with_metadata(CALLER, id).unwrap().scope(body)
}

fn shown(message: &str, from: &str) -> Told {
    Told::Shown(message.to_owned(), from.to_owned())
}

#[test]
fn a_message_carries_its_senders_id() {
    let stage = stage();
    assert_eq!((stage.display("bia", 2), stage.sender("ana")), (1, 1));
    assert_eq!(stage.send("ana", "bia", "oi"), 1);
    assert_eq!(stage.told.try_recv(), Ok(shown("oi", "ana")));
    assert_eq!(stage.send("ana", "ana", "oi"), 0);
    assert!(stage.told.try_recv().is_err());
}

#[test]
fn a_call_that_does_not_say_who_calls_is_refused_in_words() {
    let stage = stage();
    let refused = stage.hall.envia("oi".to_owned(), "todos".to_owned()).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("\"id\""), "{refused}");
    assert_eq!(stage.hall.finaliza_registro().unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn a_display_that_cannot_be_reached_is_not_counted_and_stops_nobody() {
    let stage = stage();
    for (id, port) in [("a", 2), ("b", 3), ("c", 4), ("d", 5)] {
        stage.display(id, port);
    }
    assert_eq!(stage.send("ana", "todos", "oi"), 2);
    assert_eq!(stage.send("ana", "b", "oi"), 0);
    assert_eq!(stage.hall.termina(), Ok(0));
    let told: Vec<Told> = stage.told.try_iter().collect();
    assert_eq!(told.iter().filter(|told| **told == Told::Ended).count(), 2, "{told:?}");
    stage.end.try_recv().unwrap();
}

#[test]
fn finishing_ends_the_senders_display_whether_or_not_it_can_be_told() {
    let stage = stage();
    let finish = |id: &str| calling_as(id, || stage.hall.finaliza_registro());
    stage.display("bia", 2);
    stage.display("gone", 3);
    for id in ["ana", "bia", "gone"] {
        stage.sender(id);
    }
    assert_eq!(finish("ana"), Ok(0));
    assert_eq!(finish("bia"), Ok(1));
    assert_eq!(stage.told.try_recv(), Ok(Told::Ended));
    assert_eq!(finish("bia"), Ok(0));
    assert_eq!(finish("gone"), Ok(1));
    assert_eq!(stage.hall.lista(), Ok(Vec::new()));
    assert!(stage.end.try_recv().is_err());
}

#[test]
fn a_room_that_is_ending_refuses_in_words_and_ends_once() {
    let stage = stage();
    assert_eq!(stage.hall.termina(), Ok(0));
    assert_eq!(stage.hall.termina(), Ok(0));
    let late = stage.hall.registra_entrada("ana".to_owned()).unwrap_err();
    assert_eq!((late.code(), late.message()), (Code::FailedPrecondition, "the room is ending"));
    stage.end.try_recv().unwrap();
    assert!(stage.end.try_recv().is_err());
}

#[test]
fn no_lock_is_held_while_a_display_is_called() {
    let (ended, _end) = bounded(1);
    let ((entering, entered), (leaving, left)) = (bounded(10), bounded::<()>(10));
    let hall = Arc::new(Hall::reaching(ended, move |_, _, _| {
        Arc::new(Slow { entering: entering.clone(), leave: left.clone() })
    }));
    for id in ["a", "b"] {
        hall.registra_saida(id.to_owned(), "host".to_owned(), 2).unwrap();
    }
    let sending = hall.clone();
    let slow = threads::spawn("slow", move || {
        let shown = calling_as("ana", || sending.envia("oi".to_owned(), "todos".to_owned()));
        assert_eq!(shown, Ok(2));
    });
    // Both displays are called at the same time, and the room does everything else meanwhile.
    entered.recv_timeout(SOON).unwrap();
    entered.recv_timeout(SOON).unwrap();
    assert_eq!(hall.registra_entrada("ana".to_owned()), Ok(1));
    assert_eq!(hall.lista().unwrap().len(), 3);
    assert_eq!(calling_as("ana", || hall.finaliza_registro()), Ok(0));
    drop(leaving);
    drop(slow);
}

/// A display that takes its time.
struct Slow {
    entering: Sender<()>,
    leave: Receiver<()>,
}

impl Display for Slow {
    fn exibe(&self, _mensagem: String, _origem: String) -> Result<i64, Status> {
        self.entering.send(()).unwrap();
        self.leave.recv_timeout(SOON).ok();
        Ok(0)
    }

    fn termina(&self) -> Result<i64, Status> {
        Ok(0)
    }
}

#[test]
fn of_many_registrations_of_one_id_at_once_exactly_one_wins() {
    let hall = Arc::new(stage().hall);
    let (answering, answers) = unbounded();
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (hall, answering) = (hall.clone(), answering.clone());
            threads::spawn("caller", move || {
                answering.send(hall.registra_entrada("ana".to_owned()).unwrap()).unwrap();
            })
        })
        .collect();
    drop(callers);
    let mut answers: Vec<i64> = answers.try_iter().collect();
    answers.sort_unstable();
    assert_eq!(answers, [[-1; 15].as_slice(), &[1]].concat());
}
