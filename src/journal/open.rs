//! Opening the file, and the handle to it.

use super::{Error, Result, schema};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a call waits for another process's write before it gives up.
pub const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Closing any descriptor of a file drops this process's locks on it (POSIX), SQLite's too: so while one thread
/// makes the file, no other may open it.
static MAKING: Mutex<()> = Mutex::new(());

/// The handle to a state directory's journal. Cheap to clone; clones share one connection to write and one to read.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // a panic inside a transaction rolls it back, so that what is behind the mutex is sound
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    /// Opens the file, makes it (mode 0600) when it is missing, and brings it up to date.
    ///
    /// # Errors
    /// [`Error`] tells a newer file, a read-only, locked, damaged or full one apart.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_waiting(path.as_ref(), LOCK_WAIT)
    }

    pub(super) fn open_waiting(path: &Path, wait: Duration) -> Result<Self> {
        let _making = lock(&MAKING);
        make(path)?;
        let sort = |error| Error::from_sqlite(path, error);
        let mut writer = connect(path, wait)?;
        if writer.is_readonly("main").map_err(sort)? {
            return Err(Error::ReadOnly { path: path.to_owned(), source: None });
        }
        // before anything is written to it
        let found = schema::version(&writer).map_err(sort)?;
        if found <= schema::VERSION {
            write_ahead(&writer, wait).map_err(sort)?;
        }
        if let schema::Migrated::Newer(found) = schema::migrate(&mut writer).map_err(sort)? {
            return Err(Error::Newer { path: path.to_owned(), found, known: schema::VERSION });
        }
        let reader = connect(path, wait)?;
        reader.pragma_update(None, "query_only", true).map_err(sort)?;
        let inner = Inner { path: path.to_owned(), writer: Mutex::new(writer), reader: Mutex::new(reader) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Does something with the journal on a thread where blocking is no harm.
    ///
    /// # Errors
    /// What `work` gives back.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let journal = self.clone();
        tokio::task::spawn_blocking(move || work(&journal)).await.unwrap_or(Err(Error::Worker))
    }

    /// A number that changes whenever anybody, this process too, has written: poll it, and read only when it moved.
    /// Compare it only with what this handle or a clone of it gave before.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn data_version(&self) -> Result<u64> {
        self.read(|db| db.query_row("PRAGMA data_version", [], |row| row.get::<_, u32>(0)).map(u64::from))
    }

    /// Reads with the connection that is for reading.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&lock(&self.inner.reader)).map_err(|error| self.sort(error))
    }

    /// Writes in one transaction; nothing is kept when `work` fails.
    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.inner.writer);
        let transaction =
            writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| self.sort(error))?;
        let done = work(&transaction)?;
        transaction.commit().map_err(|error| self.sort(error))?;
        Ok(done)
    }

    pub(super) fn sort(&self, error: rusqlite::Error) -> Error {
        Error::from_sqlite(&self.inner.path, error)
    }

    #[cfg(test)]
    pub(super) fn limit_pages(&self, pages: u32) {
        lock(&self.inner.writer).pragma_update(None, "max_page_count", pages).unwrap();
    }
}

fn make(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !path.is_dir() => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
            // it may be there all the same: then SQLite says what it can do with it
            if path.exists() { Ok(()) } else { Err(Error::ReadOnly { path: path.to_owned(), source: None }) }
        }
        Err(source) => Err(Error::Open { path: path.to_owned(), source }),
    }
}

fn connect(path: &Path, wait: Duration) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let set_up = |db: &Connection| {
        db.busy_timeout(wait)?;
        // in WAL mode a commit is safe from the end of any process, and the file from a power cut
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "foreign_keys", true)
    };
    Connection::open_with_flags(path, flags)
        .and_then(|db| set_up(&db).map(|()| db))
        .map_err(|error| Error::from_sqlite(path, error))
}

/// Switches to write-ahead logging. Two processes that do so at once can get `SQLITE_BUSY` in spite of the busy
/// timeout, so this asks again itself.
fn write_ahead(db: &Connection, wait: Duration) -> rusqlite::Result<()> {
    let give_up = Instant::now() + wait;
    loop {
        match db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0)) {
            Ok(_) => return Ok(()),
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && Instant::now() < give_up =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error),
        }
    }
}
