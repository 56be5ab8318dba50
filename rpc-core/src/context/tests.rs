//! What a context tells and keeps.

use super::*;

#[test]
fn a_scope_ends_with_its_body_also_in_a_panic() {
    let context = Context::background().with_metadata("k", "v").unwrap();
    let seen = context.scope(|| Context::current().metadata().first("k").map(<[u8]>::to_vec));
    assert_eq!(seen.as_deref(), Some(&b"v"[..]));
    let caught = std::panic::catch_unwind(|| context.scope(|| std::panic::resume_unwind(Box::new(()))));
    assert!(caught.is_err());
    assert!(Context::current().metadata().is_empty());
}

fn of_a_call() -> (Context, Arc<Cancellation>) {
    let context = Context::incoming(anybody(), &mut Spare::default());
    let cancellation = context.cancellation();
    (context, cancellation)
}

fn anybody() -> Incoming {
    let (metadata, identity) = (Metadata::new(), None);
    Incoming { procedure: "p", deadline: None, metadata, peer: None, local: None, connection: None, identity }
}

/// A connection's calls share the memory of one context, and nothing else of each other.
#[test]
fn the_memory_of_a_context_serves_the_next_call_unless_somebody_has_it() {
    let place = |context: &Context| Arc::as_ptr(&context.0);
    let mut spare = Spare::default();
    let mut metadata = Metadata::new();
    metadata.insert("k", "v").unwrap();
    let first = Context::incoming(Incoming { metadata, ..anybody() }, &mut spare);
    let memory = place(&first);
    spare.keep(first);
    let second = Context::incoming(anybody(), &mut spare);
    assert_eq!((place(&second), second.metadata().len()), (memory, 0));

    let kept = second.clone();
    spare.keep(second);
    let third = Context::incoming(anybody(), &mut spare);
    assert_ne!(place(&third), place(&kept));

    third.cancellation().cancel();
    spare.keep(third);
    assert!(!Context::incoming(anybody(), &mut spare).is_cancelled());

    let asked = Context::incoming(anybody(), &mut spare);
    let channel = asked.cancelled();
    spare.keep(asked);
    drop(Context::incoming(anybody(), &mut spare));
    assert_eq!(channel.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected), "its call is over");
}

#[test]
fn cancelling_disconnects_channels_asked_for_before_and_after() {
    let (context, cancellation) = of_a_call();
    let before = context.cancelled();
    assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
    cancellation.cancel();
    assert!(context.is_cancelled());
    assert_eq!(before.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
    assert_eq!(context.cancelled().try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected));
    let never = Context::background().cancelled();
    assert_eq!(never.try_recv(), Err(crossbeam_channel::TryRecvError::Empty));
}

#[test]
fn a_pause_ends_when_its_call_is_cancelled_before_or_meanwhile() {
    for delay in [Duration::ZERO, Duration::from_millis(5)] {
        let (context, cancellation) = of_a_call();
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                thread::park_timeout(delay);
                cancellation.cancel();
            });
            context.scope(|| Context::pause(Duration::from_secs(3600)))
        });
        assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
    }
    assert_eq!(Context::pause(Duration::from_millis(1)), Ok(()));
}

#[test]
fn a_cancellable_context_ends_when_its_canceller_is_dropped() {
    let (context, canceller) = Context::cancellable();
    assert!(!context.is_cancelled());
    let outcome = thread::scope(|scope| {
        scope.spawn(|| drop(canceller));
        context.scope(|| Context::pause(Duration::from_secs(3600)))
    });
    assert_eq!(outcome.unwrap_err().code(), Code::Cancelled);
}

#[test]
fn a_deadline_only_moves_closer() {
    let now = Instant::now();
    let near = Context::background().with_deadline(now);
    assert_eq!(near.with_deadline(now + Duration::from_secs(9)).deadline(), Some(now));
    assert!(near.is_cancelled());
}

#[test]
fn a_context_made_from_another_keeps_its_metadata_until_it_has_its_own() {
    let first = Context::background().with_metadata("k", "v").unwrap();
    let second = first.with_value(7u8).with_deadline(Instant::now());
    drop(first);
    assert_eq!(second.metadata().first("k"), Some(&b"v"[..]));
    let third = second.with_metadata("l", "w").unwrap();
    assert_eq!((third.metadata().len(), second.metadata().len()), (2, 1));
    assert_eq!(third.value::<u8>().as_deref(), Some(&7));
}
