//! placeholder
use crate::model::StoredBody;
/// Packs.
pub fn pack(_body: &[u8]) -> StoredBody {
    todo!()
}
