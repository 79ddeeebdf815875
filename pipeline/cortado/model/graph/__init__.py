"""Questions about the graph, and changes of it.

nodes      standard operators, and their opset
reads      what nodes read, in the graphs inside them too
constants  initializers of all graphs, each with a name of its own
origins    where the elements of a value come from
blobs      values by the names that users know
plain      weights as initializers, nodes in inference mode
surgery    small changes: nodes and constants under fresh names
extract    a piece of a graph as a model of its own
exposed    values inside, added to the outputs
"""
