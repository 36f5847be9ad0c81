"""Which parts need a model or a judge? A file a topic, as in `rewards/`; named `topic.part` as well."""
