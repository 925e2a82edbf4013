//! ndarray values on axes and in heat maps.

use ndarray::{ArrayBase, Data, Ix1, Ix2};

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
}
