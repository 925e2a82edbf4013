//! ndarray values on axes and in heat maps.

use ndarray::{ArrayBase, Data, Ix1, Ix2, IxDyn};

use super::PlotError;
use super::values::{Column, Element, Grid, Matrix, Number, Values};

impl<E: Element, S: Data<Elem = E>> Values for ArrayBase<S, Ix1> {
    fn values(&self) -> Column {
        self.as_slice().map_or_else(|| E::column(self.iter()), E::slice)
    }
}

impl<N: Number, S: Data<Elem = N>> Matrix for ArrayBase<S, Ix2> {
    fn grid(&self) -> Result<Grid, PlotError> {
        let (rows, columns) = self.dim();
        Ok(Grid { rows, columns, values: self.iter().map(|value| value.number()).collect() })
    }
}

/// The axes that are longer than 1; of an array of one element, none.
fn wide_axes(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&len| len != 1).collect()
}

/// What an array that has been computed gives: its one axis, whatever others of length 1 there are.
impl<E: Element, S: Data<Elem = E>> Values for ArrayBase<S, IxDyn> {
    fn values(&self) -> Column {
        if wide_axes(self.shape()).len() > 1 {
            return Column::Other(format!(
                "an array of shape {:?}, which has several axes: `.flatten()` makes one of them, a slice or a mean leaves one",
                self.shape()
            ));
        }
        self.as_slice().map_or_else(|| E::column(self.iter()), E::slice)
    }
}

/// What an array that has been computed gives: its two axes, whatever others of length 1 there are.
impl<N: Number, S: Data<Elem = N>> Matrix for ArrayBase<S, IxDyn> {
    fn grid(&self) -> Result<Grid, PlotError> {
        let wide = wide_axes(self.shape());
        let (rows, columns) = match (self.shape(), &wide[..]) {
            (&[rows, columns], _) | (_, &[rows, columns]) => (rows, columns),
            (shape, _) => {
                return Err(PlotError::Option {
                    option: "the matrix",
                    was: format!("an array of shape {shape:?}"),
                    help: "a picture has two axes; take the others away with a slice or a mean",
                });
            }
        };
        Ok(Grid { rows, columns, values: self.iter().map(|value| value.number()).collect() })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{array, s};

    use super::*;

    #[test]
    fn arrays_and_views_can_be_plotted() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        assert_eq!(matrix.column(1).values(), Column::Numbers(vec![2.0, 5.0]));
        assert_eq!(array!["a", "b"].values().len(), 2);
        assert_eq!(matrix.slice(s![.., ..;2]).grid().unwrap().values, [1.0, 3.0, 4.0, 6.0]);
        assert_eq!(matrix.t().grid().unwrap().values, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn arrays_of_any_number_of_axes_can_be_plotted_if_they_have_as_many_as_the_plot() {
        let matrix = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let any = matrix.clone().into_dyn();
        assert_eq!(any.grid().unwrap(), matrix.grid().unwrap());
        assert_eq!(any.clone().insert_axis(ndarray::Axis(0)).grid().unwrap(), matrix.grid().unwrap());
        assert_eq!(array![[1.0, 2.0]].into_dyn().grid().unwrap().rows, 1);
        assert_eq!(any.slice(s![1, ..]).into_dyn().values(), Column::Numbers(vec![4.0, 5.0, 6.0]));
        assert_eq!(matrix.slice(s![.., 1..2]).into_dyn().values(), Column::Numbers(vec![2.0, 5.0]));
        let Column::Other(said) = any.values() else { panic!("two axes are not one") };
        assert!(said.contains("shape [2, 3]"), "{said}");
        let said = array![1.0, 2.0].into_dyn().grid().unwrap_err().to_string();
        assert!(said.contains("shape [2]") && said.contains("two axes"), "{said}");
    }
}
