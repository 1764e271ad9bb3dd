"""Write the warm-up requests that TensorFlow Serving replays on loading.

Without them the first request waits for TensorFlow's initialization. The
server reads TFRecords of its message `PredictionLog`. The three fields needed
are written here byte by byte, since `tensorflow-serving-api`, which has the
classes, requires one exact version of TensorFlow.

Reference: github.com/tensorflow/serving, apis/prediction_log.proto,
predict.proto, model.proto.
"""

import tensorflow as tf

PLACE = "assets.extra/tf_serving_warmup_requests"


def write(folder, name, requests):
    """Write warm-up requests into the folder of a version.

    Args:
        folder: `pathlib.Path` of the version.
        name: str, name of the model.
        requests: dict from signature to a dict of its input tensors.
    """
    path = folder / PLACE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as file:
        for signature, inputs in requests.items():
            file.write(_prediction_log(name, signature, inputs))


def _prediction_log(name, signature, inputs):
    specification = _field(1, name.encode()) + _field(3, signature.encode())
    request = _field(1, specification)
    for key, tensor in inputs.items():
        proto = tf.make_tensor_proto(tensor).SerializeToString()
        entry = _field(1, key.encode()) + _field(2, proto)
        request += _field(2, entry)
    predict_log = _field(1, request)
    return _field(6, predict_log)


def _field(number, content):
    """Encode a field of bytes: key, length, content (protobuf, "Encoding")."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value):
    """Encode an integer: seven bits a byte, the last without its top bit."""
    start = bytearray()
    while value > 127:
        start.append(value & 127 | 128)
        value >>= 7
    return bytes([*start, value])
