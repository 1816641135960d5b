"""What a hierarchy of growing maps writes to a file, and the checks before it believes one. See
`som_state`."""

from __future__ import annotations

import numpy as np

from fastml.cluster.som_rows import check_feature_weight
from fastml.io.errors import ModelFileError
from fastml.io.state import StateReader

__all__ = ["get_state", "set_state"]


def get_state(model):
    """Fitted attributes as small values and arrays."""
    maps = model.maps_
    arrays = {
        "shapes": np.array([(som.n_rows, som.n_columns) for som in maps], dtype=np.int64),
        "codebooks": np.concatenate([som.codebook_ for som in maps]),
        "hits": np.concatenate([som.hits_.ravel() for som in maps]),
        "children": np.concatenate(model.child_map_),
    }
    if hasattr(model, "feature_names_in_"):
        arrays["feature_names_in_"] = model.feature_names_in_
    return {"seed": model._seed, "n_iter": model.n_iter_}, arrays


def set_state(model, values, arrays):
    """Give an unfitted model the state that `get_state` returned, checking everything.

    Raises
    ------
    ModelFileError, ValueError
        If a field is missing, unknown, of the wrong kind, or contradicts another.
    """
    state = StateReader(values, arrays)
    shapes = state.array("shapes", np.int64, (None, 2))
    if len(shapes) == 0 or shapes.min() < 1 or shapes.max() > model.max_nodes:
        raise ModelFileError("there must be maps, of 1 to max_nodes rows and columns")
    sizes = shapes[:, 0] * shapes[:, 1]
    ends = np.cumsum(sizes)
    n_nodes = int(ends[-1])
    codebooks = state.array("codebooks", None, (n_nodes, None))
    if (
        codebooks.dtype not in (np.float32, np.float64)
        or not np.isfinite(codebooks).all()
        or not codebooks.size
    ):
        raise ModelFileError("codebooks must be finite and float32 or float64")
    hits = state.array("hits", np.float64, (n_nodes,))
    if not np.isfinite(hits).all() or (hits < 0).any():
        raise ModelFileError("hits must be finite and not negative")
    children = state.array("children", np.int32, (n_nodes,))
    fitted = {"n_features_in_": codebooks.shape[1]}
    if "feature_names_in_" in state:
        names = state.array("feature_names_in_", object, (codebooks.shape[1],))
        if not all(isinstance(name, str) for name in names) or len(set(names)) != names.size:
            raise ModelFileError("feature_names_in_ must be distinct texts")
        fitted["feature_names_in_"] = names
    seed = state.integer("seed", minimum=0, maximum=2**31 - 1)
    fitted["n_iter_"] = state.integer("n_iter", minimum=1, maximum=2**53)
    state.finish()
    model._seed = seed
    parts = [slice(end - size, end) for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]
    links = _links(children, parts)
    weight = check_feature_weight(model.feature_weight, codebooks.shape[1])
    maps = [
        _map(model, shape, codebooks[part], hits[part], weight, fitted)
        for shape, part in zip(shapes.tolist(), parts, strict=True)
    ]
    vars(model).update(fitted, maps_=maps, child_map_=[children[part].copy() for part in parts], **links)
    model._number_leaves()


def _links(children, parts):
    """Parents and depths of a tree whose maps stand behind the map above them, each below one node."""
    n = len(parts)
    parent_map, parent_node = (np.full(n, -1, dtype=np.int32) for _ in range(2))
    depth = np.ones(n, dtype=np.int32)
    for number, part in enumerate(parts):
        for node, child in enumerate(children[part].tolist()):
            if child == -1:
                continue
            if not number < child < n or parent_map[child] != -1:
                raise ModelFileError("the maps must form a tree, each behind the map above it")
            parent_map[child], parent_node[child], depth[child] = number, node, depth[number] + 1
    if (parent_map[1:] < 0).any():
        raise ModelFileError("every map but the first must be below a node")
    return {"parent_map_": parent_map, "parent_node_": parent_node, "depth_": depth}


def _map(model, shape, codebook, hits, weight, fitted):
    som = model._map(*shape, max_iter=model.max_iter, radius=1.0, radius_end=model.radius_end)
    som.grid_  # noqa: B018 -- refuses shapes that the map cannot have
    vars(som).update(
        codebook_=np.ascontiguousarray(codebook),
        hits_=hits.reshape(shape),
        region_labels_=np.arange(len(codebook), dtype=np.int32),
        n_features_in_=fitted["n_features_in_"],
        _feature_weight=weight,
        _statistics=None,
        _n_calls=0,
    )
    return som
