//! All that knows Mercurial.
