//! From stored columns to the domain's types. What does not fit was not written by Hubbub: an error, not a panic.

use sqlx::Error;

/// A SHA-256 hash.
pub(crate) fn hash(column: &str, bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| damaged(column, format!("has {} bytes, not 32", bytes.len())))
}

/// A count that is kept as a 64-bit integer.
pub(crate) fn count(column: &str, value: i64) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| damaged(column, format!("is {value}")))
}

/// A stored value outside its range.
pub(crate) fn damaged(column: &str, what: String) -> Error {
    Error::ColumnDecode { index: column.to_owned(), source: what.into() }
}
