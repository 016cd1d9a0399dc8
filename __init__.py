"""recaudit: trustworthiness audits of generative recommender systems."""

__version__ = "0.1.0"
