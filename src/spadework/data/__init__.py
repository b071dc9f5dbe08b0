"""Data: ontologies, label maps, folders of pairs, and the stream of training samples."""

from spadework.data.doctor.quick import Check
from spadework.data.folder import FolderDataset
from spadework.data.label_colors import LabelMapWarning
from spadework.data.label_map import photo_to_tensor, read_instance_map, read_label_map, read_photo
from spadework.data.ontology import Ontology, SemanticClass, UnknownIds
from spadework.data.pairs import Pair, find_pairs
from spadework.data.preprocess import PREPROCESS, Geometry, Preprocess, draw_geometry, geometry_at, preprocess
from spadework.data.safe_palette import with_safe_colors
from spadework.data.shipped import find_ontology, shipped_ontology
from spadework.data.stream import SampleStream, batches

__all__ = [
    "PREPROCESS",
    "Check",
    "FolderDataset",
    "Geometry",
    "LabelMapWarning",
    "Ontology",
    "Pair",
    "Preprocess",
    "SampleStream",
    "SemanticClass",
    "UnknownIds",
    "batches",
    "draw_geometry",
    "find_ontology",
    "find_pairs",
    "geometry_at",
    "photo_to_tensor",
    "preprocess",
    "read_instance_map",
    "read_label_map",
    "read_photo",
    "shipped_ontology",
    "with_safe_colors",
]
