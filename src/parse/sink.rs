//! [`BoundedSink`]: scraper's tree, counting what is built and telling how deep a node is.

use std::borrow::Cow;
use std::cell::{Cell, Ref};

use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName};
use scraper::{Html, HtmlTreeSink};

/// A node of the tree.
pub(crate) type NodeId = <HtmlTreeSink as TreeSink>::Handle;

/// Builds the same tree as [`HtmlTreeSink`], with counters for the guards around the tree builder.
pub(crate) struct BoundedSink {
    inner: HtmlTreeSink,
    elements: Cell<usize>,
    attributes: Cell<usize>,
    named: Cell<Option<NodeId>>,
}

impl BoundedSink {
    /// An empty document.
    pub(crate) fn new() -> Self {
        BoundedSink {
            inner: HtmlTreeSink::new(Html::new_document()),
            elements: Cell::new(0),
            attributes: Cell::new(0),
            named: Cell::new(None),
        }
    }

    /// Elements created so far.
    pub(crate) fn elements(&self) -> usize {
        self.elements.get()
    }

    /// Attributes on them.
    pub(crate) fn attributes(&self) -> usize {
        self.attributes.get()
    }

    /// Nodes of every kind in the tree, detached ones included.
    pub(crate) fn nodes(&self) -> usize {
        self.inner.0.borrow().tree.values().len()
    }

    /// Forgets which element was asked for its name.
    pub(crate) fn forget_named(&self) {
        self.named.set(None);
    }

    /// How deep the element stands whose name was asked last: 1 is the root element, 0 no element.
    /// Counting stops at `at_most`.
    pub(crate) fn depth_of_named(&self, at_most: usize) -> usize {
        let html = self.inner.0.borrow();
        let named = self.named.get().and_then(|id| html.tree.get(id));
        named.map_or(0, |node| node.ancestors().take(at_most).count())
    }
}

impl TreeSink for BoundedSink {
    type Handle = NodeId;
    type Output = Html;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Html {
        self.inner.finish()
    }

    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        self.inner.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.named.set(Some(*target));
        self.inner.elem_name(target)
    }

    fn create_element(&self, name: QualName, attrs: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.elements.set(self.elements.get() + 1);
        self.attributes.set(self.attributes.get() + attrs.len());
        self.inner.create_element(name, attrs, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.inner.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.inner.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.inner.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        self.inner.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.inner.append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.inner.get_template_contents(target)
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        self.inner.same_node(x, y)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.inner.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, new_node: NodeOrText<NodeId>) {
        self.inner.append_before_sibling(sibling, new_node);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attrs: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attrs);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.inner.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.inner.reparent_children(node, new_parent);
    }
}
