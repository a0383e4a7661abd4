import { useMutation } from "convex/react";
import { useCallback } from "react";
import { api } from "../_generated/api";
import type { Id } from "../_generated/dataModel";

/** The three steps of an upload: ask for a URL, POST the file to it, say what it is for. */
export function useUpload() {
  const generateUploadUrl = useMutation(api.pictures.generateUploadUrl);
  const hang = useMutation(api.pictures.hang);

  return useCallback(
    async (file: File, caption: string): Promise<boolean> => {
      const response = await fetch(await generateUploadUrl(), {
        method: "POST",
        headers: { "Content-Type": file.type },
        body: file,
      });
      if (!response.ok) throw new Error(`the upload was answered with ${response.status}`);
      const { storageId } = (await response.json()) as { storageId: Id<"_storage"> };
      return (await hang({ file: storageId, caption })) !== null;
    },
    [generateUploadUrl, hang],
  );
}
