"""Towhee operators: operators/<namespace>/<name>.py is Towhee's ops.<namespace>.<name>."""

if __name__ != "reprise.operators":
    # Imported as a top-level package its modules would exist twice, with two sets of classes and handles.
    raise ImportError("import reprise.operators: the top-level folder is not a package of its own")
