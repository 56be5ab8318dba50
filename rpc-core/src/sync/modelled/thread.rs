//! Threads that the model checker schedules. Who unparks whom is counted.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) use shuttle::thread::{ThreadId, park, scope, yield_now};

use super::clock::{self, Heard};

std::thread_local! {
    static UNPARKED: Cell<usize> = const { Cell::new(0) };
}

/// How often some thread was unparked by another since this was asked last.
pub(crate) fn take_unparked() -> usize {
    UNPARKED.replace(0)
}

#[derive(Clone, Debug)]
pub(crate) struct Thread(shuttle::thread::Thread);

impl Thread {
    pub(crate) fn id(&self) -> ThreadId {
        self.0.id()
    }

    pub(crate) fn unpark(&self) {
        UNPARKED.set(UNPARKED.get() + 1);
        self.0.unpark();
    }
}

pub(crate) fn current() -> Thread {
    Thread(shuttle::thread::current())
}

pub(crate) fn park_timeout(time: Duration) {
    let sleeper = shuttle::thread::current();
    clock::at(clock::now() + time, move || {
        sleeper.unpark();
        Heard::Yes
    });
    park();
}

/// As std's, by as much as our threads need.
#[derive(Default)]
pub(crate) struct Builder(shuttle::thread::Builder);

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder::default()
    }

    pub(crate) fn name(self, name: String) -> Builder {
        Builder(self.0.name(name))
    }

    pub(crate) fn spawn(self, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
        let finished = Arc::new(AtomicBool::new(false));
        let ended = finished.clone();
        let handle = self.0.spawn(move || {
            body();
            ended.store(true, Ordering::SeqCst);
        })?;
        Ok(JoinHandle { thread: Thread(handle.thread().clone()), handle, finished })
    }
}

#[derive(Debug)]
pub(crate) struct JoinHandle<T> {
    thread: Thread,
    handle: shuttle::thread::JoinHandle<T>,
    finished: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    pub(crate) fn join(self) -> shuttle::thread::Result<T> {
        self.handle.join()
    }

    pub(crate) fn thread(&self) -> &Thread {
        &self.thread
    }
}
