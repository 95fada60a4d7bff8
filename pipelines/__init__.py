"""Declarative Towhee chains, one file each; they chain operators and do no arithmetic."""

if __name__ != "reprise.pipelines":
    # Imported as a top-level package its modules would exist twice, with two sets of classes and handles.
    raise ImportError("import reprise.pipelines: the top-level folder is not a package of its own")
