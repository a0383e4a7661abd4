import { useMutation, useQuery } from "convex/react";
import { type FormEvent, useRef, useState } from "react";
import { reasonOf } from "../../_shared/errors";
import { Page } from "../../_shared/Page";
import { api } from "../_generated/api";
import { useUpload } from "./useUpload";

const NO_PICTURE = "That is no picture, or it is larger than 5 MB.";

export function App() {
  const pictures = useQuery(api.pictures.list);
  const upload = useUpload();
  const takeDown = useMutation(api.pictures.takeDown);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState("");
  const form = useRef<HTMLFormElement>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    setBusy(true);
    setRefusal("");
    try {
      const isHung = await upload(data.get("file") as File, String(data.get("caption")));
      if (isHung) form.current?.reset();
      else setRefusal(NO_PICTURE);
    } catch (error) {
      setRefusal(reasonOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Page
      title="Gallery"
      lead="A wall that everybody shares. The file goes straight into the storage, its place on the wall into a table."
    >
      <form ref={form} className="card" onSubmit={(event) => void submit(event)}>
        <div className="row" style={{ alignItems: "end" }}>
          <div className="field grow">
            <label htmlFor="file">Picture</label>
            <input id="file" name="file" type="file" accept="image/*" required />
          </div>
          <div className="field grow">
            <label htmlFor="caption">Caption</label>
            <input id="caption" name="caption" maxLength={80} autoComplete="off" />
          </div>
          <button type="submit" disabled={busy}>
            {busy ? "Hanging…" : "Hang it"}
          </button>
        </div>
      </form>
      {refusal && (
        <p role="alert" className="alert">
          {refusal}
        </p>
      )}
      {pictures?.length === 0 && <p className="card empty">The wall is empty.</p>}
      <ul className="grid wall" aria-label="Pictures">
        {pictures?.map(({ id, caption, url }) => (
          <li key={id}>
            <figure className="card picture">
              <a href={url} aria-label={`Open ${caption}`}>
                <img src={url} alt={caption} loading="lazy" />
              </a>
              <figcaption>
                <span className="small" title={caption}>
                  {caption}
                </span>
                <button
                  type="button"
                  className="quiet small"
                  aria-label={`Take down ${caption}`}
                  onClick={() => void takeDown({ id })}
                >
                  Take down
                </button>
              </figcaption>
            </figure>
          </li>
        ))}
      </ul>
    </Page>
  );
}
