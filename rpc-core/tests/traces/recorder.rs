//! A subscriber that remembers the spans of calls, for the whole process.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::SOON;

/// One span: its fields by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(BTreeMap<String, String>);

impl Seen {
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The field's value; empty where it was not recorded.
    pub(crate) fn field(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Kept>);

#[derive(Default)]
struct Kept {
    next: AtomicU64,
    spans: Mutex<BTreeMap<u64, Seen>>,
}

impl Recorder {
    pub(crate) fn of_this_process() -> Recorder {
        static ONE: OnceLock<Recorder> = OnceLock::new();
        let made = ONE.get_or_init(|| {
            let recorder = Recorder::default();
            tracing::subscriber::set_global_default(recorder.clone()).unwrap();
            recorder
        });
        made.clone()
    }

    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.0.spans.lock().unwrap().values().cloned().collect()
    }

    /// The spans of one trace.
    pub(crate) fn all(&self, trace: &str) -> Vec<Seen> {
        self.spans().into_iter().filter(|span| span.field("trace") == trace).collect()
    }

    /// The spans of one trace, once so many are over.
    #[track_caller]
    pub(crate) fn closed(&self, trace: &str, count: usize) -> Vec<Seen> {
        let until = Instant::now() + SOON;
        loop {
            let spans = self.all(trace);
            if spans.iter().filter(|span| span.has("code")).count() == count {
                return spans;
            }
            assert!(Instant::now() < until, "{count} of {spans:?}");
            std::thread::yield_now();
        }
    }

    #[track_caller]
    pub(crate) fn find(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        self.spans().into_iter().find(wanted).unwrap()
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut seen = Seen::default();
        attributes.record(&mut seen);
        let id = 1 + self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.spans.lock().unwrap().insert(id, seen);
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some(seen) = self.0.spans.lock().unwrap().get_mut(&span.into_u64()) {
            values.record(seen);
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
