//! What went wrong, in the words of the domain: try again later, no room left, or broken.

use hubbub_domain::StorageError;
use sqlx::Error;

/// Sorts an error of the driver.
pub(crate) fn storage_error(error: &Error) -> StorageError {
    let text = message(error);
    match error {
        Error::PoolTimedOut | Error::PoolClosed | Error::Io(_) | Error::Tls(_) | Error::WorkerCrashed => {
            StorageError::Unavailable(text)
        }
        Error::Database(e) => match e.code().as_deref() {
            Some(code) if e.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() => sqlite(code, text),
            Some(code) => postgres(code, text),
            None => StorageError::Failed(text),
        },
        _ => StorageError::Failed(text),
    }
}

/// The primary result code of an SQLite error, without the extension in the upper bits.
pub(crate) fn sqlite_primary_code(error: &Error) -> Option<i32> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    primary(&sqlx::error::DatabaseError::code(error)?)
}

fn primary(code: &str) -> Option<i32> {
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

/// <https://www.sqlite.org/rescode.html>
fn sqlite(code: &str, text: String) -> StorageError {
    match primary(code) {
        // FULL
        Some(13) => StorageError::Full(text),
        // BUSY, LOCKED, READONLY (a file system that was remounted after an error), IOERR, CANTOPEN
        Some(5 | 6 | 8 | 10 | 14) => StorageError::Unavailable(text),
        _ => StorageError::Failed(text),
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres(code: &str, text: String) -> StorageError {
    match code {
        // disk_full
        "53100" => StorageError::Full(text),
        // transaction_rollback: serialization failure and deadlock; query_canceled (statement_timeout);
        // read_only_sql_transaction (a standby that is not promoted yet)
        "40001" | "40P01" | "57014" | "25006" => StorageError::Unavailable(text),
        // connection_exception; insufficient_resources; operator_intervention (admin_shutdown, crash_shutdown,
        // cannot_connect_now); system_error (io_error)
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => StorageError::Unavailable(text),
        _ => StorageError::Failed(text),
    }
}

/// One line for people, without the driver's preamble.
pub(crate) fn message(error: &Error) -> String {
    let text = match error {
        Error::Database(e) => match e.code() {
            Some(code) => format!("{} (code {code})", e.message()),
            None => e.message().to_owned(),
        },
        Error::Io(e) => e.to_string(),
        Error::PoolTimedOut => "no connection in time".to_owned(),
        other => other.to_string(),
    };
    text.replace('\n', " ")
}

/// Whether a row with this address, name or id exists already.
pub(crate) fn is_unique_violation(error: &Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_unique_violation())
}

/// Whether the row that another one hangs on is gone.
pub(crate) fn is_foreign_key_violation(error: &Error) -> bool {
    error.as_database_error().is_some_and(|e| e.is_foreign_key_violation())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_into_later_full_and_broken() {
        let text = String::new;
        for code in ["5", "261", "6", "8", "10", "778", "14"] {
            assert!(matches!(sqlite(code, text()), StorageError::Unavailable(_)), "SQLite {code}");
        }
        assert!(matches!(sqlite("13", text()), StorageError::Full(_)));
        for code in ["1", "11", "19", "26"] {
            assert!(matches!(sqlite(code, text()), StorageError::Failed(_)), "SQLite {code}");
        }
        for code in ["08006", "53300", "57P01", "57P03", "57014", "58030", "40P01", "25006"] {
            assert!(matches!(postgres(code, text()), StorageError::Unavailable(_)), "Postgres {code}");
        }
        assert!(matches!(postgres("53100", text()), StorageError::Full(_)));
        for code in ["23505", "42P01", "22021"] {
            assert!(matches!(postgres(code, text()), StorageError::Failed(_)), "Postgres {code}");
        }
    }
}
