//! What a finished exchange means.
