"""The table of a comparison, as the README at the top has it (`make bench-record`)."""

import statistics


def median(result, figure):
    return result["figures"][figure]["median"]


def lines(doc):
    """Markdown: a line a peer, its medians beside ours in the same pairs."""
    machine, runs = doc["machine"], [run for result in doc["results"] for run in result["runs"]]
    busy = max(run.get("others_share") or 0 for run in runs)
    yield (f"Taken {doc['taken']} on {machine['cores']} cores of {machine['processor']}, a bare RSA-2048 "
           f"signature {statistics.median(run['signature_usec'] for run in runs):.0f} us"
           + (f" with OPENSSL_ia32cap={machine['openssl_mask']}" if machine["openssl_mask"] else "")
           + (f", other programs with up to {busy:.0%} of the machine" if busy > 0.05 else "")
           + "; CPU us of a message of 10 KB, medians of pairs:")
    yield ""
    yield "| beside | signed | pairs | its CPU us | ours | ratio | its messages/s | ours |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for ours, theirs in zip(doc["results"][::2], doc["results"][1::2]):
        cells = [f"{theirs['system']} ({theirs['version']})",
                 "RSA-2048" if theirs["settings"]["signing"] == "rsa" else "no",
                 f"{len(theirs['runs'])} of {theirs['runs'][0]['messages']:,}",
                 f"{median(theirs, 'cost_usec'):,.0f}", f"{median(ours, 'cost_usec'):,.1f}",
                 f"{median(theirs, 'ratio'):.2f}", f"{median(theirs, 'messages_per_second'):,.0f}",
                 f"{median(ours, 'messages_per_second'):,.0f}"]
        yield "| " + " | ".join(cells) + " |"
