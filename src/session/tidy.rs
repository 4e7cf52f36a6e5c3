//! Forgetting old jobs: their rows first, then their folders; folders that a cut tidying left go the next time.

use crate::config::{Retention, StatePaths};
use crate::diag::chain;
use crate::domain::{JobId, Timestamp};
use crate::journal::{Journal, Keep};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Forgets what the retention rules no longer keep. Trouble is logged: it is no reason not to start a job.
pub(super) fn tidy(journal: &Journal, paths: &StatePaths, retention: Retention) {
    let keep = Keep { jobs: retention.jobs, age: DAY.saturating_mul(retention.days) };
    if let Err(error) = journal.prune(keep, Timestamp::now()) {
        tracing::warn!("could not forget old jobs: {}", chain(&error));
        return;
    }
    let Ok(folders) = std::fs::read_dir(paths.jobs()) else { return };
    for folder in folders.filter_map(Result::ok) {
        let Some(job) = folder.file_name().to_str().and_then(|name| JobId::new(name).ok()) else { continue };
        let settled = folder
            .metadata()
            .and_then(|found| found.modified())
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > Duration::from_secs(60)));
        // a job's folder is made a moment before its row
        if !settled || !matches!(journal.job(&job), Ok(None)) {
            continue;
        }
        if let Err(error) = std::fs::remove_dir_all(folder.path()) {
            tracing::warn!(%job, "could not remove an old job's folder: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CleanupVerdict, CloudWish, LaunchSpec, Operation, ProviderKind, WorkVerdict};
    use crate::event::{Draft, EventKind};
    use std::fs::{FileTimes, create_dir_all};

    #[test]
    fn only_folders_of_forgotten_jobs_go() {
        let place = tempfile::tempdir().unwrap();
        let paths = StatePaths::at(place.path()).unwrap();
        let journal = Journal::open(paths.journal()).unwrap();
        let operation = Operation::Launch(LaunchSpec {
            wish: CloudWish::default(),
            provider: ProviderKind::Local,
            image: None,
            lease: DAY,
        });
        let ids = ["j-old222", "j-new222", "j-live22", "j-fresh2"].map(|id| JobId::new(id).unwrap());
        for (n, id) in ids.iter().enumerate() {
            let folder = paths.jobs().join(id.as_str());
            create_dir_all(&folder).unwrap();
            if n < 3 {
                let file = std::fs::File::open(&folder).unwrap();
                file.set_times(FileTimes::new().set_modified(SystemTime::now() - DAY)).unwrap();
                journal.create_job(id, &operation, Timestamp::now()).unwrap();
            }
            if n < 2 {
                let kind = EventKind::Ended { work: WorkVerdict::Done, cleanup: CleanupVerdict::Clean };
                journal.append(&[Draft { job: id.clone(), at: Timestamp::now(), kind }]).unwrap();
            }
        }
        tidy(&journal, &paths, Retention { jobs: 1, days: 30 });
        let left = ids.map(|id| paths.jobs().join(id.as_str()).is_dir());
        // the older ended one goes; the newest ended, the one under way and the one being made stay
        assert_eq!(left, [false, true, true, true]);
    }
}
