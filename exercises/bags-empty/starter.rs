let empty = js.count();
