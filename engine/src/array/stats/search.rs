//! Which interval each element falls into.

use std::cmp::Ordering::{Equal, Less};
use std::sync::Arc;

use crate::array::Array;
use crate::array::dispatch::with_ordered;
use crate::array::element::{Cast, Ordered};
use crate::array::error::{ArrayError, Built, built};
use crate::array::fused::{Kernel, Map1};
use crate::array::node::{Node, NodeRef};
use crate::task::Made;

impl<T: Ordered> Array<T> {
    /// The number of the interval of each element: 0 before the first edge, as many as there are edges behind the last. An
    /// interval holds its lower edge, or, if `right` says so, its upper one. Edges may fall as well as rise; a NaN is behind
    /// rising edges.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// let x = Array::from_vec(vec![0.2, 6.4, 3.0, 1.6], 2);
    /// let bins = [0.0, 1.0, 2.5, 4.0, 10.0];
    /// assert_eq!(x.digitize(bins, false).compute()?.as_slice(), Some(&[1, 4, 3, 2][..]));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the edges neither rise nor fall.
    #[track_caller]
    pub fn digitize(&self, edges: impl Into<Vec<f64>>, right: bool) -> Array<u64> {
        Array::of(built(digitize(self.node(), edges.into(), right)))
    }
}

fn digitize(node: &NodeRef, mut edges: Vec<f64>, right: bool) -> Built<NodeRef> {
    let falling = edges.windows(2).all(|pair| pair[0] >= pair[1]) && edges.first() != edges.last();
    if falling {
        edges.reverse();
    }
    if let Some(pair) = edges.windows(2).find(|pair| !matches!(pair[0].partial_cmp(&pair[1]), Some(Less | Equal))) {
        let why = format!("edges have to rise or fall all along, and {} stands beside {}", pair[0], pair[1]);
        return Err(ArrayError::Parameter { operation: "digitize".into(), why });
    }
    let kernel = Made::<dyn Kernel>::by((node.dtype, edges, falling, right), |parameters| {
        let (dtype, edges, falling, right) = parameters.clone();
        let place = move |value: f64| {
            let before = match right {
                _ if value.is_nan() => edges.len(),
                false => edges.partition_point(|&edge| edge <= value),
                true => edges.partition_point(|&edge| edge < value),
            };
            (if falling { edges.len() - before } else { before }) as u64
        };
        with_ordered!(dtype, T => {
            Arc::new(Map1::<T, u64, _>::new("digitize", move |value: T| place(Cast::<f64>::cast(value))))
        })
    });
    Node::elementwise(kernel, &[node])
}
