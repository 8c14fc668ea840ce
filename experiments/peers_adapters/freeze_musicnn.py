"""Write the network that musicnn ships as the graph file that Essentia reads; run it with musicnn's Python.

    python freeze_musicnn.py GRAPH.pb

Essentia's own file of this network is not in a registry. The names of the inputs and outputs are those that
its algorithm TensorflowPredictMusiCNN expects.
"""

from __future__ import annotations

import os
import sys

import musicnn
import tensorflow as tf
from musicnn import configuration, models

MODEL = "MSD_musicnn"
FRAMES = 187  # 3 s, as Essentia cuts them

v1 = tf.compat.v1


def main(to: str) -> None:
    """Restore the checkpoint, and write the part of the graph that leads to the tags."""
    v1.disable_eager_execution()
    with tf.name_scope("model"):
        frames = v1.placeholder(tf.float32, [None, FRAMES, configuration.N_MELS])
        outputs = models.define_model(frames, tf.constant(False), MODEL, len(configuration.MSD_LABELS))
        tags = tf.nn.sigmoid(outputs[0])
    with v1.Session() as session:
        v1.train.Saver().restore(session, os.path.join(os.path.dirname(musicnn.__file__), MODEL, ""))
        graph = v1.graph_util.convert_variables_to_constants(session, session.graph_def, [tags.op.name])
    if (frames.op.name, tags.op.name) != ("model/Placeholder", "model/Sigmoid"):
        raise SystemExit(f"the graph has other names: {frames.op.name}, {tags.op.name}")
    v1.train.write_graph(graph, os.path.dirname(os.path.abspath(to)), os.path.basename(to), as_text=False)


if __name__ == "__main__":
    main(sys.argv[1])
