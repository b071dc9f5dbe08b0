"""Shards: many pairs in few files, on a disk, NFS or in an object store, for sets that are larger than a disk."""

from spadework.data.shards.dataset import ShardDataset
from spadework.data.shards.make import make_shards

__all__ = ["ShardDataset", "make_shards"]
