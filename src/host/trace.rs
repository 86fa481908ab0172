//! `--trace DIR`: a file for each session of the fast wire, in qlog's JSON text sequences (RFC 7464), for plots. Owns the
//! files, at most 256 at once, and the names qlog gives to what happened; what happens is the road's to say ([`crate::road::v1::trace`]).
//!
//! What cannot be written ends the trace of that session with one warning, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use crate::road::v1::trace::TARGET;

/// Sessions traced at once; those that come when there are so many are left out.
const SESSIONS: usize = 256;
/// Bytes of one session's file: half an hour at a gigabit, more than anybody plots.
const FILE_MAX: u64 = 4 << 30;
/// What is held back is written with the first event that comes so much later, in microseconds of the road's clock.
const FLUSH_EVERY: u64 = 1_000_000;

/// Writes the trace below a directory.
#[derive(Debug)]
pub struct Trace {
    dir: PathBuf,
    files: Mutex<BTreeMap<u64, Tape>>,
}

/// One session's file.
#[derive(Debug)]
struct Tape {
    /// `None` once it could not be written, or was full.
    out: Option<BufWriter<fs::File>>,
    path: PathBuf,
    written: u64,
    flushed: u64,
}

impl Trace {
    /// Below `dir`, which is made if it is not there.
    pub fn new(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.into(), files: Mutex::default() })
    }

    /// As a part of a subscriber that sees nothing but the trace.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(self) -> impl Layer<S> {
        self.with_filter(Only)
    }

    fn take(&self, fields: &Fields) {
        let (Some(session), Some(at)) = (fields.number("session"), fields.number("at")) else { return };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let event = fields.text("event");
        if event == "started" && files.len() < SESSIONS && !files.contains_key(&session) {
            let (tape, why) = Tape::open(&self.dir, session, at, fields);
            if let Err(error) = why {
                tracing::warn!(path = %tape.path.display(), "no trace of this session: {error}");
            }
            files.insert(session, tape);
        }
        // Before it is established there is no name to write it under.
        let Some(tape) = files.get_mut(&session) else { return };
        let (name, data) = qlog(event, fields);
        let record = json!({ "time": at as f64 / 1000.0, "name": name, "data": data });
        if let Err(error) = tape.write(at, &record) {
            tracing::warn!(path = %tape.path.display(), "its trace ends here: {error}");
            tape.out = None;
        }
        if event == "closed"
            && let Some(Tape { out: Some(mut out), .. }) = files.remove(&session)
        {
            let _ = out.flush();
        }
    }
}

impl Tape {
    fn open(dir: &Path, session: u64, at: u64, fields: &Fields) -> (Self, io::Result<()>) {
        let estate = fields.text("estate");
        let path = dir.join(format!("{estate}-{session:016x}.sqlog"));
        // Never into what somebody else has put there.
        let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut tape = Self { out: None, path, written: 0, flushed: at };
        let file = match out {
            Ok(file) => file,
            Err(error) => return (tape, Err(error)),
        };
        tape.out = Some(BufWriter::with_capacity(64 << 10, file));
        let side = if fields.is("is_initiator") { "client" } else { "server" };
        let head = json!({
            "qlog_format": "JSON-SEQ",
            "qlog_version": "0.3",
            "title": format!("roadstead, session with {estate}"),
            "trace": {
                "vantage_point": { "type": side },
                "common_fields": { "ODCID": format!("{session:016x}"), "time_format": "absolute" },
            },
        });
        let why = tape.write(at, &head);
        (tape, why)
    }

    fn write(&mut self, at: u64, record: &Value) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        let text = record.to_string();
        self.written += text.len() as u64 + 2;
        if self.written > FILE_MAX {
            return Err(io::Error::other("the file has reached 4 GiB"));
        }
        //= RFC 7464 §2.2: a record separator before each text, a line feed behind it.
        out.write_all(b"\x1e")?;
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        if at.saturating_sub(self.flushed) >= FLUSH_EVERY {
            self.flushed = at;
            out.flush()?;
        }
        Ok(())
    }
}

/// How qlog calls it (draft-ietf-quic-qlog-quic-events-02), and what it wants to know; times in milliseconds, rates in bits.
fn qlog(event: &str, fields: &Fields) -> (&'static str, Value) {
    let number = |name| fields.number(name).unwrap_or(0);
    let millis = |name| number(name) as f64 / 1000.0;
    let packet = || json!({ "packet_type": "1RTT", "packet_number": number("number") });
    match event {
        "started" => ("connectivity:connection_started", fields.but(&["session", "at", "event"])),
        "sent" => {
            let mut data = json!({ "header": packet(), "raw": { "length": number("size") } });
            if let (true, Some(data)) = (fields.is("is_probe"), data.as_object_mut()) {
                data.insert("is_mtu_probe_packet".into(), true.into());
            }
            ("transport:packet_sent", data)
        }
        "received" => ("transport:packet_received", json!({ "header": packet(), "raw": { "length": number("size") } })),
        "acked" => ("roadstead:packets_acked", fields.but(&["session", "at", "event"])),
        "lost" => {
            let header = json!({ "packet_type": "1RTT", "packet_number": number("newest") });
            let data = json!({ "header": header, "packets": number("packets"), "bytes": number("bytes") });
            ("recovery:packet_lost", data)
        }
        "metrics" => (
            "recovery:metrics_updated",
            json!({
                "smoothed_rtt": millis("rtt"),
                "min_rtt": millis("rtt_min"),
                "congestion_window": number("window"),
                "bytes_in_flight": number("in_flight"),
                "pacing_rate": number("rate").saturating_mul(8),
            }),
        ),
        "timeout" => (
            "recovery:loss_timer_updated",
            json!({ "event_type": "expired", "timer_type": "pto", "count": number("count") }),
        ),
        "mtu" => ("transport:mtu_updated", json!({ "new": number("size") })),
        "moved" => ("connectivity:path_assigned", json!({})),
        "closed" => ("connectivity:connection_closed", json!({ "reason": fields.text("why") })),
        _ => ("roadstead:event", fields.but(&["session", "at"])),
    }
}

/// What an event says.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn is(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    fn but(&self, names: &[&str]) -> Value {
        let others = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}

impl<S: Subscriber> Layer<S> for Trace {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.take(&fields);
    }
}

/// Lets the trace through and nothing else.
#[derive(Debug)]
struct Only;

impl<S> Filter<S> for Only {
    fn enabled(&self, meta: &tracing::Metadata<'_>, _: &Context<'_, S>) -> bool {
        meta.target() == TARGET
    }

    fn callsite_enabled(&self, meta: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        if meta.target() == TARGET {
            tracing::subscriber::Interest::always()
        } else {
            tracing::subscriber::Interest::never()
        }
    }
}
