//! The one place that reads a clock.
