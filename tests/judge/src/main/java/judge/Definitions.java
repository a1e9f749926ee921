package judge;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.LenientErrorHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.MetadataResource;

/**
 * What files are judged by, besides R4 itself. HAPI's class alone hands out StructureDefinitions, ValueSets, CodeSystems
 * and SearchParameters only and drops the rest without a word; a response without its Questionnaire would pass unread.
 */
class Definitions extends PrePopulatedValidationSupport {
    static final FhirContext R4 = r4();

    private final Map<String, IBaseResource> byCanonical = new HashMap<>();

    private Definitions() {
        super(R4);
    }

    static Definitions load(List<Path> places) throws IOException {
        var definitions = new Definitions();
        for (Path place : places) {
            for (Path file : files(place)) {
                definitions.add(file);
            }
        }
        return definitions;
    }

    /** The file itself, or a folder's JSON and XML files, in order of their names. */
    static List<Path> files(Path place) throws IOException {
        if (!Files.isDirectory(place)) {
            return List.of(place);
        }
        try (Stream<Path> all = Files.list(place)) {
            return new ArrayList<>(all.filter(f -> f.toString().matches(".*\\.(json|xml)")).sorted().toList());
        }
    }

    /** A definition that cannot be read stops the run: judging without it would say less than it seems to. */
    private void add(Path file) throws IOException {
        IBaseResource resource;
        try {
            resource = R4.newJsonParser().parseResource(Files.readString(file));
        } catch (RuntimeException e) {
            throw new IOException(file + " cannot be read as a definition: " + e.getMessage(), e);
        }
        addResource(resource);
        if (resource instanceof MetadataResource definition && definition.hasUrl()) {
            byCanonical.put(definition.getUrl(), resource);
            byCanonical.put(definition.getUrl() + "|" + definition.getVersion(), resource);
        }
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T extends IBaseResource> T fetchResource(Class<T> type, String canonical) {
        T known = super.fetchResource(type, canonical);
        IBaseResource other = byCanonical.get(canonical);
        return known == null && (type == null || type.isInstance(other)) ? (T) other : known;
    }

    private static FhirContext r4() {
        var context = FhirContext.forR4();
        context.setParserErrorHandler(new LenientErrorHandler(false));
        return context;
    }
}
