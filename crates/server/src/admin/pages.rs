//! Lists that are read page by page, however long they are.

use hubbub_domain::storage::StorageResult;

use super::Failure;

/// Entries read at once.
const PAGE: u32 = 500;

/// Reads a list to its end, or to so many entries, and does something with each. `page` gives those behind a cursor, at most so
/// many; `cursor` says where an entry is.
pub(super) async fn each<T, C>(
    limit: u32,
    page: impl AsyncFn(Option<C>, u32) -> StorageResult<Vec<T>>,
    cursor: impl Fn(&T) -> C,
    mut work: impl AsyncFnMut(&T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut after, mut left) = (None, limit);
    while left > 0 {
        let entries = page(after, left.min(PAGE)).await?;
        let Some(last) = entries.last() else { break };
        after = Some(cursor(last));
        left = left.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for entry in &entries {
            work(entry).await?;
        }
    }
    Ok(())
}
