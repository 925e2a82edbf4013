//! Putting arrays together by name and label.

use serde_json::{Map, Value as Json};

use super::array::DataArray;
use super::core::{Coord, Labelled};
use super::error::{Built, LabelError, built};
use super::labels::Labels;

/// Two arrays whose labels are the same along the dimensions that both have: those that both have, in the order of the
/// first.
pub(super) fn inner(operation: &str, left: &Labelled, right: &Labelled) -> Built<(Labelled, Labelled)> {
    let (mut left, mut right) = (left.clone(), right.clone());
    for (axis, dim) in left.dims.clone().iter().enumerate() {
        let Some(other) = right.dims.iter().position(|name| name == dim) else { continue };
        match (left.index(dim), right.index(dim)) {
            (Some(one), Some(two)) if !one.labels.same(&two.labels) => {
                let is_number = |labels: &Labels| !matches!(labels, Labels::Texts(_) | Labels::Times(_));
                let alike = match (&one.labels, &two.labels) {
                    (Labels::Texts(_), Labels::Texts(_)) => true,
                    (Labels::Times(one), Labels::Times(two)) => one.same_calendar(two),
                    (one, two) => is_number(one) && is_number(two),
                };
                if !alike {
                    let why = format!(
                        "the labels of `{dim}` are {} in one array and {} in the other",
                        one.labels.kind(),
                        two.labels.kind()
                    );
                    return Err(LabelError::parameter(operation, why));
                }
                let there = two.labels.places();
                if there.len() < two.labels.len() || one.labels.places().len() < one.labels.len() {
                    let why = format!(
                        "a label of `{dim}` is there twice, so that nothing says which elements belong together"
                    );
                    return Err(LabelError::parameter(operation, why));
                }
                let both: Vec<(usize, usize)> =
                    one.labels.keys().enumerate().filter_map(|(place, key)| Some((place, *there.get(&key)?))).collect();
                let (mine, theirs): (Vec<usize>, Vec<usize>) = both.into_iter().unzip();
                left = kept(&left, axis, &mine);
                right = kept(&right, other, &theirs);
            }
            _ if left.len(axis) != right.len(other) => {
                let (left, right) = (left.len(axis), right.len(other));
                return Err(LabelError::Sizes { operation: operation.to_owned(), dim: dim.clone(), left, right });
            }
            _ => {}
        }
    }
    Ok((left, right))
}

fn kept(of: &Labelled, axis: usize, places: &[usize]) -> Labelled {
    let all = places.len() == of.len(axis) && places.iter().enumerate().all(|(at, &place)| at == place);
    if all { of.clone() } else { of.taken(axis, places) }
}

/// The dimensions of both, those of the left first, and both arrays with axes for all of these.
pub(super) fn broadcast(operation: &str, left: &Labelled, right: &Labelled) -> Built<(Labelled, Labelled)> {
    let (left, right) = inner(operation, left, right)?;
    let mut dims = left.dims.clone();
    dims.extend(right.dims.iter().filter(|dim| !left.dims.contains(dim)).cloned());
    Ok((with_dims(&left, &dims), with_dims(&right, &dims)))
}

/// The array with these dimensions, which are its own and others; what is new has length 1.
pub(super) fn with_dims(of: &Labelled, dims: &[String]) -> Labelled {
    let order: Vec<usize> = dims.iter().filter_map(|dim| of.dims.iter().position(|own| own == dim)).collect();
    let mut wide = of.ordered(&order);
    for (place, dim) in dims.iter().enumerate() {
        if wide.dims.get(place) != Some(dim) {
            wide.data = wide.data.expand_dims(place as isize);
            wide.dims.insert(place, dim.clone());
        }
    }
    wide
}

/// What is said of the result of both: coordinates and attributes that do not contradict each other.
pub(super) fn described(left: &Labelled, right: &Labelled) -> (Vec<Coord>, Option<String>, Map<String, Json>) {
    let mut coords: Vec<Coord> = Vec::with_capacity(left.coords.len());
    for coord in &left.coords {
        match right.coords.iter().find(|other| other.name == coord.name) {
            // A dimension's labels are those of both by now.
            Some(other) if !coord.is_index() && (other.dim != coord.dim || !other.labels.same(&coord.labels)) => {
                if other.is_index() {
                    coords.push(other.clone());
                }
            }
            _ => coords.push(coord.clone()),
        }
    }
    for coord in &right.coords {
        if !left.coords.iter().any(|other| other.name == coord.name) && !left.dims.contains(&coord.name)
            || coord.is_index() && !coords.iter().any(|other| other.name == coord.name)
        {
            coords.push(coord.clone());
        }
    }
    let name = left.name.clone().filter(|name| right.name.as_ref() == Some(name));
    let agreed = |(name, value): (&String, &Json)| {
        let other = right.attrs.get(name);
        other.is_none_or(|other| other == value).then(|| (name.clone(), value.clone()))
    };
    let mut attrs: Map<String, Json> = left.attrs.iter().filter_map(agreed).collect();
    for (name, value) in &right.attrs {
        if !left.attrs.contains_key(name) {
            attrs.insert(name.clone(), value.clone());
        }
    }
    (coords, name, attrs)
}

/// Both arrays with the labels that both have, along the dimensions that both have.
///
/// ```
/// use taskloom::prelude::*;
/// use taskloom::labelled::align;
/// let one = DataArray::new(Array::<i64>::arange(3, 3), ["x"]).assign_coords("x", [10, 20, 30]);
/// let two = DataArray::new(Array::<f64>::arange(2, 2), ["x"]).assign_coords("x", [30, 20]);
/// let (one, two) = align(&one, &two);
/// assert_eq!(one.compute()?.as_slice(), Some(&[1, 2][..]));
/// assert_eq!(two.compute()?.as_slice(), Some(&[1.0, 0.0][..]));
/// # Ok::<(), taskloom::Error>(())
/// ```
///
/// # Panics
/// When a dimension has other lengths on both sides and no labels, or labels of other kinds.
#[track_caller]
pub fn align<T, U>(left: &DataArray<T>, right: &DataArray<U>) -> (DataArray<T>, DataArray<U>) {
    let (left, right) = built(inner("align", &left.inner, &right.inner));
    (DataArray::of(left), DataArray::of(right))
}
