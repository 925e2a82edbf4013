let energy = Array::full((), potential(&cluster.compute()?), "auto");
