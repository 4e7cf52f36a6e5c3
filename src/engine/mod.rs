//! The engine: jobs, cancellation, finalisers.
