"""How a data set is put together: selection by the judge, the parent release's rows, splits by source document."""
