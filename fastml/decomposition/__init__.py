"""Decompositions of tables: topic models."""

from fastml.decomposition.coherence import topic_coherence
from fastml.decomposition.completion import completion_perplexity, split_documents
from fastml.decomposition.lda import LatentDirichletAllocation

__all__ = ["LatentDirichletAllocation", "completion_perplexity", "split_documents", "topic_coherence"]
