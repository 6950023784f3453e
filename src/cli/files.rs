//! Database files as the verbs open them.

use std::path::Path;
use std::sync::Arc;

use crate::store::StoredCrawl;

pub(super) struct St;
impl crate::store::Store for St {
    async fn stored_crawl(&self) -> Result<Option<StoredCrawl>, crate::store::StoreError> {
        todo!()
    }
    async fn begin_session(
        &self,
        _: crate::store::SessionOpen<'_>,
        _: i64,
    ) -> Result<crate::store::SessionStart, crate::store::StoreError> {
        todo!()
    }
    async fn admit(
        &self,
        _: &crate::store::SessionStart,
        _: &[crate::model::Seed],
        _: i64,
    ) -> Result<crate::store::Admitted, crate::store::StoreError> {
        todo!()
    }
    async fn lease(
        &self,
        _: crate::store::LeaseAsk,
        _: i64,
    ) -> Result<crate::store::LeaseGrant, crate::store::StoreError> {
        todo!()
    }
    async fn settle(
        &self,
        _: &crate::store::SessionStart,
        _: &crate::store::Settlement,
        _: i64,
    ) -> Result<crate::store::Settled, crate::store::StoreError> {
        todo!()
    }
    async fn end_session(
        &self,
        _: &crate::store::SessionStart,
        _: crate::model::EndedBy,
        _: i64,
    ) -> Result<crate::model::Totals, crate::store::StoreError> {
        todo!()
    }
}
pub(super) async fn stored_crawl(_: &Path) -> anyhow::Result<Option<StoredCrawl>> {
    Ok(None)
}
pub(super) async fn open(_: &Path, _: bool) -> anyhow::Result<(St, Option<StoredCrawl>)> {
    todo!()
}
pub(super) async fn close(_: Arc<St>) {}
pub(super) async fn remove(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
