//! What has to be done when a job is over, whichever way it ended.

use futures::future::BoxFuture;

/// Names a finaliser, to disarm it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FinaliserId(pub(super) u64);

/// What a finaliser does; the error says why its thing is still there.
pub(super) type Act = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), String>> + Send>;

/// One armed finaliser.
pub(super) struct Finaliser {
    pub(super) id: FinaliserId,
    /// What should be gone afterwards, for example `machine m-abc234 (local)`.
    pub(super) what: String,
    pub(super) act: Act,
}

/// The armed finalisers of a job, the newest last.
#[derive(Default)]
pub(super) struct Finalisers {
    next: u64,
    armed: Vec<Finaliser>,
}

impl Finalisers {
    /// A second one for the same thing takes the place of the first: a job taken up again arms what its earlier
    /// process may have left before the work comes to arm it anew.
    pub(super) fn arm(&mut self, what: String, act: Act) -> FinaliserId {
        self.armed.retain(|armed| armed.what != what);
        let id = FinaliserId(self.next);
        self.next += 1;
        self.armed.push(Finaliser { id, what, act });
        id
    }

    pub(super) fn disarm(&mut self, id: FinaliserId) -> bool {
        let before = self.armed.len();
        self.armed.retain(|armed| armed.id != id);
        self.armed.len() < before
    }

    pub(super) fn pop(&mut self) -> Option<Finaliser> {
        self.armed.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_the_same_thing_takes_the_place_of_the_first() {
        let mut all = Finalisers::default();
        let mut arm = |what: &str| all.arm(what.to_owned(), Box::new(|| Box::pin(async { Ok(()) })));
        let (first, other, again) = (arm("machine"), arm("folder"), arm("machine"));
        assert!(!all.disarm(first), "a machine that is kept must not be ended by an older finaliser");
        assert_eq!(all.pop().map(|last| last.id), Some(again));
        assert!(all.disarm(other) && all.is_empty());
    }
}
