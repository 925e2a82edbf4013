//! Points from pairs and maps: what counting and grouping give.

use std::collections::{BTreeMap, HashMap};

use super::values::{Column, Element, Points};

fn of_pairs<'a, X: Element + 'a, Y: Element + 'a>(
    pairs: impl Iterator<Item = (&'a X, &'a Y)> + Clone,
) -> (Option<Column>, Column) {
    (Some(X::column(pairs.clone().map(|pair| pair.0))), Y::column(pairs.map(|pair| pair.1)))
}

macro_rules! pairs {
    ($([$($parameters:tt)*] $type:ty),* $(,)?) => {
        $(
            impl<X: Element, Y: Element, $($parameters)*> Points for $type {
                fn points(&self) -> (Option<Column>, Column) {
                    of_pairs(self.iter().map(|pair| (&pair.0, &pair.1)))
                }
            }
        )*
    };
}
pairs! {
    [] Vec<(X, Y)>,
    [] &Vec<(X, Y)>,
    [] &[(X, Y)],
    [const N: usize] [(X, Y); N],
    [const N: usize] &[(X, Y); N],
}

impl<X: Element, Y: Element> Points for BTreeMap<X, Y> {
    fn points(&self) -> (Option<Column>, Column) {
        of_pairs(self.iter())
    }
}

impl<X: Element, Y: Element> Points for &BTreeMap<X, Y> {
    fn points(&self) -> (Option<Column>, Column) {
        of_pairs(self.iter())
    }
}

/// Sorted by key: the map itself has another order each time.
impl<X: Element + Ord, Y: Element, S> Points for HashMap<X, Y, S> {
    fn points(&self) -> (Option<Column>, Column) {
        (&self).points()
    }
}

/// Sorted by key: the map itself has another order each time.
impl<X: Element + Ord, Y: Element, S> Points for &HashMap<X, Y, S> {
    fn points(&self) -> (Option<Column>, Column) {
        let mut pairs: Vec<(&X, &Y)> = self.iter().collect();
        pairs.sort_by(|one, other| one.0.cmp(other.0));
        of_pairs(pairs.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_maps_are_x_and_y() {
        let expected = (Some(Column::Names(vec!["a".into(), "b".into()])), Column::Numbers(vec![2.0, 1.0]));
        let pairs = vec![("a", 2), ("b", 1)];
        assert_eq!(Points::points(&&pairs), expected);
        assert_eq!(pairs.as_slice().points(), expected);
        assert_eq!([("a", 2), ("b", 1)].points(), expected);
        assert_eq!(pairs.iter().copied().collect::<BTreeMap<_, _>>().points(), expected);
        assert_eq!(pairs.into_iter().collect::<HashMap<_, _>>().points(), expected);
    }
}
